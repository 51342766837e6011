/**
 * {@code ip xfrm}: security associations and policies, as linux/xfrm.h has them, and on top of them {@link dev.starling.netlink.xfrm.VxlanEncryption}:
 * ESP in transport mode for the VXLAN traffic of encrypted networks between this host and its peers.
 */
package dev.starling.netlink.xfrm;
