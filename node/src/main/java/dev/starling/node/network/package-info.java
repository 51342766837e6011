/** What the network of this node has to be, derived from the cluster's snapshot: overlays, names, balanced services, keys; and the runner that tells it to netlink. */
package dev.starling.node.network;
