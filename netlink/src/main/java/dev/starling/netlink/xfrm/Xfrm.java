package dev.starling.netlink.xfrm;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Attributes;
import dev.starling.netlink.Errno;
import dev.starling.netlink.Message;
import dev.starling.netlink.MessageWriter;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * {@code ip xfrm state} and {@code ip xfrm policy} for ESP over IPv4 and IPv6, in transport mode or inside UDP, as messages. An
 * address says which of both it is about; IPv4 takes the first four of its sixteen bytes.
 *
 * <pre>
 * typedef union { be32 a4; be32 a6[4]; } xfrm_address_t;                                               // linux/xfrm.h
 * struct xfrm_selector { xfrm_address_t daddr, saddr; be16 dport, dport_mask, sport, sport_mask; u16 family;
 *                        u8 prefixlen_d, prefixlen_s, proto; int ifindex; u32 user; };                 // 56 bytes
 * struct xfrm_id { xfrm_address_t daddr; be32 spi; u8 proto; };                                        // 24
 * struct xfrm_lifetime_cfg { u64 soft_byte_limit, hard_byte_limit, soft_packet_limit, hard_packet_limit,
 *                            soft_add_expires_seconds, hard_.., soft_use_expires_seconds, hard_..; };  // 64
 * struct xfrm_usersa_info { struct xfrm_selector sel; struct xfrm_id id; xfrm_address_t saddr; struct xfrm_lifetime_cfg lft;
 *                           struct xfrm_lifetime_cur curlft; struct xfrm_stats stats; u32 seq, reqid; u16 family;
 *                           u8 mode, replay_window, flags; };                                          // 224
 * struct xfrm_usersa_id { xfrm_address_t daddr; be32 spi; u16 family; u8 proto; };                     // 24
 * struct xfrm_userpolicy_info { struct xfrm_selector sel; struct xfrm_lifetime_cfg lft; struct xfrm_lifetime_cur curlft;
 *                               u32 priority, index; u8 dir, action, flags, share; };                  // 168
 * struct xfrm_userpolicy_id { struct xfrm_selector sel; u32 index; u8 dir; };                          // 64
 * struct xfrm_user_tmpl { struct xfrm_id id; u16 family; xfrm_address_t saddr; u32 reqid; u8 mode, share, optional;
 *                         u32 aalgos, ealgos, calgos; };                                               // 64
 * struct xfrm_algo_aead { char alg_name[64]; u32 alg_key_len, alg_icv_len; char alg_key[]; };          // lengths in bits
 * struct xfrm_encap_tmpl { u16 encap_type; be16 encap_sport, encap_dport; xfrm_address_t encap_oa; };   // 24
 * struct xfrm_replay_state_esn { u32 bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window; u32 bmp[]; };
 * </pre>
 *
 * u64 is aligned to 8 bytes in these, as on all our machines (32-bit x86 differs).
 */
final class Xfrm {
    private static final int NEW_ASSOCIATION = 0x10;
    private static final int DELETE_ASSOCIATION = 0x11;
    private static final int GET_ASSOCIATION = 0x12;
    private static final int DELETE_POLICY = 0x14;
    private static final int GET_POLICY = 0x15;
    private static final int UPDATE_POLICY = 0x19;

    private static final int XFRMA_ENCAP = 4;
    private static final int XFRMA_TMPL = 5;
    private static final int XFRMA_ALG_AEAD = 18;
    private static final int XFRMA_REPLAY_ESN_VAL = 23;

    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int IPPROTO_UDP = 17;
    private static final int IPPROTO_ESP = 50;
    private static final int UDP_ENCAP_ESPINUDP = 2;
    private static final int STATE_ESN = 128;
    private static final int ACTION_ALLOW = 0;
    private static final int ACTION_BLOCK = 1;
    private static final int ALL_ALGORITHMS = -1;

    private static final int ADDRESS_BYTES = 16;
    private static final int ASSOCIATION_BYTES = 224;
    private static final int POLICY_BYTES = 168;
    private static final int TEMPLATE_BYTES = 64;
    private static final int AEAD_HEADER = 72;
    private static final int AEAD_NAME = 64;

    /** {@code ip xfrm state add ...}; one that is there (destination and SPI) is an error. */
    static Request add(SecurityAssociation association) {
        return add(association, ReplayState.fresh());
    }

    /** @param replay what was before under its key */
    static Request add(SecurityAssociation association, ReplayState replay) {
        return Request.of("xfrm state add " + association.id() + " " + association.cipher().text(), NEW_ASSOCIATION,
            Message.FLAG_CREATE | Message.FLAG_EXCLUSIVE, message -> association(message, association, replay));
    }

    private static void association(MessageWriter message, SecurityAssociation association, ReplayState replay) {
        association.encapsulation().ifPresentOrElse(inner -> {
            address(message, inner.innerDestination());
            address(message, inner.innerSource());
            int bits = AddressText.bytes(inner.innerDestination()).length * 8;
            message.zeros(8).u16(family(inner.innerDestination())).u8(bits).u8(bits).zeros(12);
        }, () -> message.zeros(56)); // the selector: the policies say what goes by an association
        id(message, association.destination(), association.spi());
        address(message, association.source());
        unlimited(message).zeros(32 + 12).u32(0).u32(association.group()).u16(family(association.destination())).u8(association.mode().number).u8(0).u8(STATE_ESN).zeros(7);
        byte[] key = association.key().bytes();
        message.nested(XFRMA_ALG_AEAD, aead -> {
            byte[] name = Arrays.copyOf(association.cipher().kernelName().getBytes(StandardCharsets.US_ASCII), AEAD_NAME);
            bytes(aead, name).u32(key.length * 8).u32(Cipher.TAG_BITS);
            bytes(aead, key);
        });
        message.attribute(XFRMA_REPLAY_ESN_VAL, replay.bytes());
        association.encapsulation().ifPresent(udp -> message.nested(XFRMA_ENCAP, encapsulation ->
            be16(be16(encapsulation.u16(UDP_ENCAP_ESPINUDP), udp.sourcePort()), udp.destinationPort()).zeros(18)));
    }

    /** Deleting one that is not there is fine. */
    static Request delete(SecurityAssociation.Id association) {
        return Request.of("xfrm state delete " + association, DELETE_ASSOCIATION, 0, message -> {
            address(message, association.destination());
            be32(message, association.spi()).u16(family(association.destination())).u8(IPPROTO_ESP).zeros(1);
        }).tolerating(Errno.ESRCH);
    }

    /** {@code ip xfrm policy update ...}: adds it, or takes the place of the one with the same selector and direction in one step. */
    static Request update(Policy policy) {
        return Request.of("xfrm policy update " + text(policy), UPDATE_POLICY, 0, message -> {
            unlimited(selector(message, policy.selector())).zeros(32).u32(policy.priority()).u32(0).u8(policy.direction().number)
                .u8(policy.template().isPresent() ? ACTION_ALLOW : ACTION_BLOCK).u8(0).u8(0).zeros(4);
            policy.template().ifPresent(template -> message.nested(XFRMA_TMPL, body -> template(body, template)));
        });
    }

    private static void template(MessageWriter body, Policy.Template template) {
        id(body, template.destination(), template.spi()).u16(family(template.destination())).zeros(2);
        address(body, template.source());
        body.u32(template.group()).u8(template.mode().number).u8(0).u8(0).zeros(1).u32(ALL_ALGORITHMS).u32(ALL_ALGORITHMS).u32(ALL_ALGORITHMS);
    }

    /** Deleting one that is not there is fine. */
    static Request delete(Policy policy) {
        return Request.of("xfrm policy delete " + text(policy), DELETE_POLICY, 0,
            message -> selector(message, policy.selector()).u32(0).u8(policy.direction().number).zeros(3)).tolerating(Errno.ENOENT);
    }

    /** Those for ESP in transport mode or inside UDP; one with a cipher that is not ours has cipher null. */
    static List<SecurityAssociation> associations(NetlinkSocket socket) {
        return socket.dump(Request.of("xfrm state list", GET_ASSOCIATION, 0, message -> { })).stream()
            .flatMap(message -> association(message.body(), message.attributes(ASSOCIATION_BYTES)).stream()).toList();
    }

    /** Those about UDP to one port that drop, or want one template. */
    static List<Policy> policies(NetlinkSocket socket) {
        return socket.dump(Request.of("xfrm policy list", GET_POLICY, 0, message -> { })).stream()
            .flatMap(message -> policy(message.body(), message.attributes(POLICY_BYTES)).stream()).toList();
    }

    static Optional<SecurityAssociation> association(ByteBuffer body, Attributes attributes) {
        require("xfrm state", body, ASSOCIATION_BYTES);
        Optional<Mode> mode = mode(body.get(214)).filter(found -> attributes.has(XFRMA_ENCAP) == (found == Mode.BEET));
        int family = body.getShort(212) & 0xffff;
        if (!isIp(family) || body.get(76) != IPPROTO_ESP || mode.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(new SecurityAssociation(address(body, 80, family), address(body, 56, family), be32(body, 72), body.getInt(208), cipher(attributes),
            EspKey.of(key(attributes)), mode.filter(Mode.BEET::equals).map(beet -> encapsulation(body, attributes))));
    }

    private static Encapsulation encapsulation(ByteBuffer body, Attributes attributes) {
        ByteBuffer udp = ByteBuffer.wrap(attributes.bytes(XFRMA_ENCAP));
        require("xfrm state", udp, 6);
        int family = body.getShort(40) & 0xffff;
        return new Encapsulation(be16(udp, 2), be16(udp, 4), address(body, 16, family), address(body, 0, family));
    }

    private static Optional<Mode> mode(int number) {
        return Arrays.stream(Mode.values()).filter(mode -> mode.number == number).findFirst();
    }

    /** Of each of {@link #associations}. */
    static Map<SecurityAssociation.Id, ReplayState> replayStates(NetlinkSocket socket) {
        Map<SecurityAssociation.Id, ReplayState> states = new TreeMap<>();
        for (Message message : socket.dump(Request.of("xfrm state list", GET_ASSOCIATION, 0, nothing -> { }))) {
            Attributes attributes = message.attributes(ASSOCIATION_BYTES);
            association(message.body(), attributes)
                .ifPresent(found -> states.put(found.id(), ReplayState.of(attributes.bytes(XFRMA_REPLAY_ESN_VAL))));
        }
        return states;
    }

    private static Cipher cipher(Attributes attributes) {
        byte[] aead = attributes.bytes(XFRMA_ALG_AEAD);
        int end = 0;
        while (end < Math.min(aead.length, AEAD_NAME) && aead[end] != 0) {
            end++;
        }
        return Cipher.ofKernelName(new String(aead, 0, end, StandardCharsets.US_ASCII)).orElse(null);
    }

    private static byte[] key(Attributes attributes) {
        byte[] aead = attributes.bytes(XFRMA_ALG_AEAD);
        return aead.length <= AEAD_HEADER ? new byte[0] : Arrays.copyOfRange(aead, AEAD_HEADER, aead.length);
    }

    static Optional<Policy> policy(ByteBuffer body, Attributes attributes) {
        require("xfrm policy", body, POLICY_BYTES);
        int direction = body.get(160);
        int family = body.getShort(40) & 0xffff;
        if (!isIp(family) || body.get(44) != IPPROTO_UDP || direction != 0 && direction != 1) {
            return Optional.empty();
        }
        Selector selector = new Selector(address(body, 16, family), address(body, 0, family), be16(body, 32));
        byte[] template = attributes.bytes(XFRMA_TMPL);
        return Optional.of(new Policy(selector, direction == 0 ? Policy.Direction.IN : Policy.Direction.OUT, body.getInt(152),
            template.length < TEMPLATE_BYTES ? Optional.empty() : template(ByteBuffer.wrap(template).order(ByteOrder.nativeOrder()))));
    }

    /** Empty for a mode or family that is not ours: such a policy differs from each of ours, and is replaced. */
    private static Optional<Policy.Template> template(ByteBuffer body) {
        int family = body.getShort(24) & 0xffff;
        return mode(body.get(48)).filter(mode -> isIp(family))
            .map(mode -> new Policy.Template(address(body, 28, family), address(body, 0, family), be32(body, 16), body.getInt(44), mode));
    }

    private static MessageWriter selector(MessageWriter message, Selector selector) {
        address(message, selector.destination());
        address(message, selector.source());
        be16(be16(message, selector.destinationPort()), 0xffff).zeros(4).u16(family(selector.destination()));
        return message.u8(selector.destinationPrefix()).u8(selector.sourcePrefix()).u8(IPPROTO_UDP).zeros(3).u32(0).u32(0);
    }

    private static MessageWriter id(MessageWriter message, String destination, int spi) {
        address(message, destination);
        return be32(message, spi).u8(IPPROTO_ESP).zeros(3);
    }

    /** {@code XFRM_INF} for bytes and packets, 0 (never) for seconds. */
    private static MessageWriter unlimited(MessageWriter message) {
        for (int i = 0; i < 8; i++) {
            message.u32(-1);
        }
        return message.zeros(32);
    }

    private static void address(MessageWriter message, String address) {
        byte[] bytes = AddressText.bytes(address);
        bytes(message, bytes).zeros(ADDRESS_BYTES - bytes.length);
    }

    private static String address(ByteBuffer body, int offset, int family) {
        byte[] bytes = new byte[family == AF_INET6 ? ADDRESS_BYTES : 4];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = body.get(offset + i);
        }
        return AddressText.text(bytes);
    }

    private static int family(String address) {
        return AddressText.isIpv6(address) ? AF_INET6 : AF_INET;
    }

    private static boolean isIp(int family) {
        return family == AF_INET || family == AF_INET6;
    }

    private static MessageWriter bytes(MessageWriter message, byte[] bytes) {
        for (byte octet : bytes) {
            message.u8(octet);
        }
        return message;
    }

    private static MessageWriter be32(MessageWriter message, int value) {
        return message.u8(value >>> 24).u8(value >>> 16).u8(value >>> 8).u8(value);
    }

    private static MessageWriter be16(MessageWriter message, int value) {
        return message.u8(value >>> 8).u8(value);
    }

    private static int be32(ByteBuffer body, int offset) {
        return body.duplicate().order(ByteOrder.BIG_ENDIAN).getInt(offset);
    }

    private static int be16(ByteBuffer body, int offset) {
        return body.duplicate().order(ByteOrder.BIG_ENDIAN).getShort(offset) & 0xffff;
    }

    private static void require(String operation, ByteBuffer body, int bytes) {
        if (body.remaining() < bytes) {
            throw new NetlinkException(operation, Errno.EBADMSG, body.remaining() + " bytes where " + bytes + " are needed");
        }
    }

    private static String text(Policy policy) {
        Selector selector = policy.selector();
        return "dir " + policy.direction().name().toLowerCase(java.util.Locale.ROOT) + " src " + selector.source() + " dst " + selector.destination()
            + " udp dport " + selector.destinationPort() + policy.template().map(template -> " spi 0x" + Integer.toHexString(template.spi())).orElse(" block");
    }

    private Xfrm() {}
}
