package dev.starling.netlink.xfrm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.netlink.Attributes;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.RequestBytes;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Optional;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

/** The layouts of linux/xfrm.h against a second, naive encoder that places each field at its offset. */
class XfrmMessagesTest {
    @Property(tries = 300)
    void anAssociationAsTheSecondEncoderWritesIt(@ForAll("associations") SecurityAssociation association) {
        byte[] body = RequestBytes.of(Xfrm.add(association));
        assertEquals(hex(naive(association)), hex(body));
        ByteBuffer read = ByteBuffer.wrap(body).order(ByteOrder.nativeOrder());
        assertEquals(Optional.of(association), Xfrm.association(read, Attributes.parse(read, 224)), "what is written is read");
    }

    @Property(tries = 300)
    void aPolicyAsTheSecondEncoderWritesIt(@ForAll("policies") Policy policy) {
        byte[] body = RequestBytes.of(Xfrm.update(policy));
        assertEquals(hex(naive(policy)), hex(body));
        ByteBuffer read = ByteBuffer.wrap(body).order(ByteOrder.nativeOrder());
        assertEquals(Optional.of(policy), Xfrm.policy(read, Attributes.parse(read, 168)), "what is written is read");
    }

    @Property(tries = 100)
    void deletionsNameTheSame(@ForAll("associations") SecurityAssociation association, @ForAll("policies") Policy policy) {
        ByteBuffer byId = buffer(24).put(0, address(association.destination()));
        byId.duplicate().order(ByteOrder.BIG_ENDIAN).putInt(16, association.spi());
        byId.putShort(20, family(association.destination())).put(22, (byte) 50);
        assertEquals(hex(byId.array()), hex(RequestBytes.of(Xfrm.delete(association.id()))));
        ByteBuffer bySelector = buffer(64);
        selector(bySelector, policy.selector());
        bySelector.put(60, (byte) (policy.direction() == Policy.Direction.IN ? 0 : 1));
        assertEquals(hex(bySelector.array()), hex(RequestBytes.of(Xfrm.delete(policy))));
    }

    @Test
    void whatIsNotOursIsLeftOut() {
        ByteBuffer tunnel = buffer(224);
        tunnel.putShort(212, (short) 2).put(76, (byte) 50).put(214, (byte) 1);
        assertEquals(Optional.empty(), Xfrm.association(tunnel, Attributes.parse(tunnel, 224)));
        ByteBuffer forward = buffer(168);
        forward.putShort(40, (short) 2).put(44, (byte) 17).put(160, (byte) 2);
        assertEquals(Optional.empty(), Xfrm.policy(forward, Attributes.parse(forward, 168)));
        assertThrows(NetlinkException.class, () -> Xfrm.association(buffer(100), Attributes.parse(buffer(100), 100)));
    }

    @Property(tries = 100)
    void anAssociationThatMovesGoesOnCounting(@ForAll("associations") SecurityAssociation association, @ForAll long sent) {
        ReplayState state = ReplayState.fresh().afterSending(sent);
        byte[] body = RequestBytes.of(Xfrm.add(association, state));
        ByteBuffer read = ByteBuffer.wrap(body).order(ByteOrder.nativeOrder());
        ByteBuffer replay = ByteBuffer.wrap(Attributes.parse(read, 224).bytes(23)).order(ByteOrder.nativeOrder());
        assertEquals(sent, (long) replay.getInt(12) << 32 | replay.getInt(4) & 0xffff_ffffL);
        assertEquals(sent + 7, ReplayState.of(replay.array()).afterSending(7).sent());
        assertEquals(0, replay.getInt(8), "what was seen stays");
    }

    @Test
    void aKeyIsNotInTexts() {
        byte[] key = new byte[Cipher.KEY_BYTES];
        key[3] = 0x5a;
        SecurityAssociation association = new SecurityAssociation("192.0.2.1", "192.0.2.2", 0x1001, 7, Cipher.AES_GCM, EspKey.of(key));
        assertFalse((association + Xfrm.add(association).operation()).toLowerCase(java.util.Locale.ROOT).contains("5a"));
    }

    private static byte[] naive(SecurityAssociation association) {
        byte[] key = association.key().bytes();
        ByteBuffer out = buffer(224 + 4 + 72 + key.length + 4 + 24 + 16 + (association.encapsulation().isPresent() ? 28 : 0));
        id(out, 56, association.destination(), association.spi());
        out.put(80, address(association.source()));
        unlimited(out, 96);
        out.putInt(208, association.group()).putShort(212, family(association.destination())).put(214, (byte) 0).put(216, (byte) 0x80);
        out.putShort(224, (short) (4 + 72 + key.length)).putShort(226, (short) 18);
        String name = association.cipher() == Cipher.AES_GCM ? "rfc4106(gcm(aes))" : "rfc7539esp(chacha20,poly1305)";
        out.put(228, name.getBytes(StandardCharsets.US_ASCII)).putInt(292, key.length * 8).putInt(296, 128).put(300, key);
        int replay = 300 + key.length;
        out.putShort(replay, (short) 44).putShort(replay + 2, (short) 23).putInt(replay + 4, 4).putInt(replay + 24, 128);
        association.encapsulation().ifPresent(udp -> {
            out.put(214, (byte) 4).put(0, address(udp.innerDestination())).put(16, address(udp.innerSource()));
            int inner = udp.innerSource().indexOf(':') < 0 ? 32 : 128;
            out.putShort(40, family(udp.innerSource())).put(42, (byte) inner).put(43, (byte) inner);
            out.putShort(replay + 44, (short) 28).putShort(replay + 46, (short) 4).putShort(replay + 48, (short) 2);
            out.duplicate().order(ByteOrder.BIG_ENDIAN).putShort(replay + 50, (short) udp.sourcePort()).putShort(replay + 52, (short) udp.destinationPort());
        });
        return out.array();
    }

    private static byte[] naive(Policy policy) {
        ByteBuffer out = buffer(168 + (policy.template().isPresent() ? 68 : 0));
        selector(out, policy.selector());
        unlimited(out, 56);
        out.putInt(152, policy.priority()).put(160, (byte) (policy.direction() == Policy.Direction.IN ? 0 : 1));
        out.put(161, (byte) (policy.template().isPresent() ? 0 : 1));
        policy.template().ifPresent(template -> {
            out.putShort(168, (short) 68).putShort(170, (short) 5);
            id(out, 172, template.destination(), template.spi());
            out.putShort(196, family(template.source())).put(200, address(template.source())).putInt(216, template.group());
            out.put(220, (byte) (template.mode() == Mode.BEET ? 4 : 0));
            out.putInt(224, -1).putInt(228, -1).putInt(232, -1);
        });
        return out.array();
    }

    private static void selector(ByteBuffer out, Selector selector) {
        out.put(0, address(selector.destination())).put(16, address(selector.source()));
        out.duplicate().order(ByteOrder.BIG_ENDIAN).putShort(32, (short) selector.destinationPort()).putShort(34, (short) -1);
        out.putShort(40, family(selector.source())).put(42, (byte) prefix(selector.destination()));
        out.put(43, (byte) prefix(selector.source())).put(44, (byte) 17);
    }

    private static int prefix(String address) {
        return address.equals("0.0.0.0") || address.equals("::") ? 0 : address.indexOf(':') < 0 ? 32 : 128;
    }

    private static short family(String address) {
        return (short) (address.indexOf(':') < 0 ? 2 : 10);
    }

    private static void id(ByteBuffer out, int offset, String destination, int spi) {
        out.put(offset, address(destination)).duplicate().order(ByteOrder.BIG_ENDIAN).putInt(offset + 16, spi);
        out.put(offset + 20, (byte) 50);
    }

    private static void unlimited(ByteBuffer out, int offset) {
        for (int i = 0; i < 4; i++) {
            out.putLong(offset + 8 * i, -1);
        }
    }

    private static byte[] address(String text) {
        if (text.indexOf(':') >= 0) {
            try {
                return InetAddress.getByName(text).getAddress();
            } catch (UnknownHostException e) {
                throw new AssertionError(text, e);
            }
        }
        byte[] bytes = new byte[4];
        String[] parts = text.split("\\.");
        for (int i = 0; i < 4; i++) {
            bytes[i] = (byte) Integer.parseInt(parts[i]);
        }
        return bytes;
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    private static Arbitrary<String> ipv4() {
        return Arbitraries.integers().between(0, 255).list().ofSize(4).map(parts ->
            parts.get(0) + "." + parts.get(1) + "." + parts.get(2) + "." + parts.get(3));
    }

    /** Without a group of zero, so that there is one way to write it. */
    private static Arbitrary<String> ipv6() {
        return Arbitraries.integers().between(1, 0xffff).list().ofSize(8).map(groups ->
            groups.stream().map(Integer::toHexString).collect(Collectors.joining(":")));
    }

    private record Ends(String source, String destination, String innerSource, String innerDestination) {}

    /** All of one family. */
    private static Arbitrary<Ends> ends() {
        return Arbitraries.of(true, false).flatMap(six -> {
            Arbitrary<String> addresses = six ? ipv6() : ipv4();
            return Combinators.combine(addresses, addresses, addresses, addresses).as(Ends::new);
        });
    }

    @Provide
    Arbitrary<SecurityAssociation> associations() {
        Arbitrary<Integer> ports = Arbitraries.integers().between(0, 65_535);
        return Combinators.combine(ends(), Arbitraries.integers(), Arbitraries.integers(), Arbitraries.of(Cipher.values()),
            Arbitraries.bytes().array(byte[].class).ofSize(Cipher.KEY_BYTES).map(EspKey::of), ports, ports, Arbitraries.of(true, false))
            .as((ends, spi, group, cipher, key, from, to, inside) -> new SecurityAssociation(ends.source(), ends.destination(), spi, group, cipher, key,
                inside ? Optional.of(new Encapsulation(from, to, ends.innerSource(), ends.innerDestination())) : Optional.empty()));
    }

    @Provide
    Arbitrary<Policy> policies() {
        Arbitrary<Boolean> either = Arbitraries.of(true, false);
        return Combinators.combine(ends(), either, Arbitraries.integers().between(0, 65_535), Arbitraries.of(Policy.Direction.values()), Arbitraries.integers(),
            Arbitraries.integers(), Arbitraries.of(Mode.values()), either)
            .as((ends, any, port, direction, priority, number, mode, esp) -> {
                String source = any ? ends.source().indexOf(':') < 0 ? Selector.ANY : Selector.ANY_IPV6 : ends.source();
                return new Policy(new Selector(source, ends.destination(), port), direction, priority,
                    esp ? Optional.of(new Policy.Template(ends.innerSource(), ends.innerDestination(), number, priority, mode)) : Optional.empty());
            });
    }
}
