package dev.starling.netlink.xfrm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.starling.netlink.NamespaceTest;
import dev.starling.netlink.NetNs;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against {@code ip xfrm}. What needs ESP is skipped on a kernel without it. */
class NetlinkVxlanEncryptionTest extends NamespaceTest {
    private static final String LOCAL = "192.0.2.1";
    private static final String PEER = "192.0.2.2";
    private static final String OTHER = "192.0.2.3";
    private static final long LATER = 11_000_000_000L;

    private Path here;
    private NetlinkVxlanEncryption encryption;

    @BeforeEach
    void open() {
        here = lab.namespace("here");
        encryption = new NetlinkVxlanEncryption(NetNs.at(here));
    }

    private static SecurityAssociation association(String from, String to, int spi) {
        byte[] key = new byte[Cipher.KEY_BYTES];
        key[0] = (byte) spi;
        return new SecurityAssociation(from, to, spi, VxlanEncryption.GROUP, Cipher.AES_GCM, EspKey.of(key));
    }

    private static PeerAssociations peer(String address, int in, int out) {
        return peer(LOCAL, address, in, out);
    }

    private static PeerAssociations peer(String local, String address, int in, int out) {
        return new PeerAssociations(address, List.of(association(address, local, in)), Optional.of(association(local, address, out)), true);
    }

    private String states() {
        return lab.ip(here, "xfrm state");
    }

    private String policies() {
        return lab.ip(here, "xfrm policy");
    }

    private void needsXfrm() {
        assumeTrue(encryption.support(LOCAL).missing().stream().noneMatch(line -> line.startsWith("XFRM")), "this kernel has no XFRM");
    }

    private void needsEsp() {
        assumeTrue(encryption.support(LOCAL).ciphers().contains(Cipher.AES_GCM), () -> "this kernel has no ESP: " + encryption.support(LOCAL).missing());
    }

    @Test
    void aKernelWithoutEspSaysWhatIsMissing() {
        EspSupport support = encryption.support(LOCAL);
        int lines = support.missing().stream().anyMatch(line -> line.startsWith("XFRM")) ? 1 : Cipher.values().length; // without XFRM nothing else is asked for
        assertEquals(lines, support.ciphers().size() + support.missing().size());
        support.missing().forEach(line -> assertTrue(line.contains("CONFIG_") && line.contains("errno"), line));
    }

    @Test
    void plaintextIsRefusedAndTheUsersOwnPoliciesStay() {
        needsXfrm();
        lab.ip(here, "xfrm policy add src 198.51.100.1 dst 198.51.100.2 dir out action block");
        encryption.refusePlaintext(LOCAL);
        encryption.refusePlaintext(LOCAL);
        String shown = policies();
        assertEquals(2, shown.split("proto udp dport 7947", -1).length - 1, shown);
        assertTrue(shown.contains("dir in action block priority 2000") && shown.contains("dir out action block priority 2000"), shown);
        assertTrue(shown.contains("198.51.100.1"));
    }

    @Test
    void aPeerHasAssociationsAndPoliciesAndARemovedOneNothing() {
        needsEsp();
        lab.ip(here, "xfrm state add src 198.51.100.1 dst 198.51.100.2 proto esp spi 0x777 reqid 5 mode transport aead rfc4106(gcm(aes)) "
            + "0x000102030405060708090a0b0c0d0e0f10111213 128");
        assertEquals(Set.of(), encryption.apply(LOCAL, List.of(peer(PEER, 0x1001, 0x1002), peer(OTHER, 0x2001, 0x2002)), 0));
        String states = states();
        for (String part : List.of("spi 0x00001001", "spi 0x00001002", "spi 0x00002001", "mode transport", "rfc4106(gcm(aes))", "replay_window 128", "esn")) {
            assertTrue(states.contains(part), part + " in " + states);
        }
        assertTrue(policies().contains("tmpl src 192.0.2.1 dst 192.0.2.2\n\t\tproto esp spi 0x00001002 reqid 1400136050 mode transport"), policies());
        assertEquals(Set.of(), encryption.apply(LOCAL, List.of(peer(PEER, 0x1001, 0x1002)), 0), "the same again changes nothing, one peer less does");
        assertFalse(states().contains(OTHER), "at once");
        assertFalse(policies().contains(OTHER));
        encryption.apply(LOCAL, List.of(), 0);
        assertEquals(1, states().split("proto esp", -1).length - 1, "the user's own stays");
    }

    @Test
    void plaintextByIpv6IsRefusedToo() {
        needsXfrm();
        assumeTrue(java.nio.file.Files.exists(Path.of("/proc/sys/net/ipv6")), "this kernel has no IPv6");
        encryption.refusePlaintext("fd00::1");
        encryption.refusePlaintext("fd00::1");
        String shown = policies();
        assertEquals(2, shown.split("src ::/0 dst ::/0 proto udp dport 7947", -1).length - 1, shown);
        assertTrue(shown.contains("dir in action block priority 2000") && shown.contains("dir out action block priority 2000"), shown);
        encryption.apply("fd00::1", List.of(), 0);
        assertEquals(shown, policies(), "with no peers they stay");
    }

    @Test
    void byIpv6TheSame() {
        EspSupport support = encryption.support("fd00::1");
        assumeTrue(support.ciphers().contains(Cipher.AES_GCM), () -> "this kernel has no ESP over IPv6: " + support.missing());
        assertFalse(support.encapsulation(), "ESP inside UDP goes by IPv4 only");
        encryption.apply("fd00::1", List.of(peer("fd00::1", "fd00::2", 0x1001, 0x1002)), 0);
        assertTrue(states().contains("src fd00::1 dst fd00::2\n\tproto esp spi 0x00001002 reqid 1400136050 mode transport"), states());
        assertTrue(policies().contains("src fd00::1/128 dst fd00::2/128 proto udp dport 7947"), policies());
        assertTrue(policies().contains("tmpl src fd00::1 dst fd00::2\n\t\tproto esp spi 0x00001002 reqid 1400136050 mode transport"), policies());
        String before = states() + policies();
        assertEquals(Set.of(), encryption.apply("fd00::1", List.of(peer("fd00::1", "fd00::2", 0x1001, 0x1002)), 1));
        assertEquals(before, states() + policies(), "what is there is known again");
        encryption.apply("fd00::1", List.of(), 2);
        assertEquals("", states());
    }

    @Test
    void aRenewalSwitchesTheSpiAndRemovesTheOldLater() {
        needsEsp();
        encryption.apply(LOCAL, List.of(peer(PEER, 0x1001, 0x1002)), 0);
        encryption.apply(LOCAL, List.of(peer(PEER, 0x1003, 0x1004)), 1);
        assertTrue(policies().contains("spi 0x00001004"), policies());
        assertTrue(states().contains("spi 0x00001001") && states().contains("spi 0x00001002"), "packets may be under way");
        encryption.apply(LOCAL, List.of(peer(PEER, 0x1003, 0x1004)), LATER);
        assertFalse(states().contains("spi 0x00001001") || states().contains("spi 0x00001002"), states());
    }

    @Test
    void aPeerThatKnowsTheNextKeysNotYetIsSentToUnderTheOld() {
        needsEsp();
        encryption.apply(LOCAL, List.of(peer(PEER, 0x1001, 0x1002)), 0);
        PeerAssociations waiting = new PeerAssociations(PEER, List.of(association(PEER, LOCAL, 0x1003)), Optional.empty(), false);
        encryption.apply(LOCAL, List.of(waiting), 1);
        encryption.apply(LOCAL, List.of(waiting), LATER);
        assertTrue(policies().contains("spi 0x00001002"), policies());
        assertTrue(states().contains("spi 0x00001001") && states().contains("spi 0x00001002"), states());
    }

    @Test
    void aPeerBehindNatIsReachedInsideUdpAndItsPathMayChangeUnderTheSameKeys() {
        assumeTrue(encryption.support(LOCAL).encapsulation(), "this kernel has no ESP inside UDP");
        encryption.apply(LOCAL, List.of(natted("203.0.113.7", 3001)), 0);
        lab.ip(here, "link add eth9 up type dummy");
        String before = states();
        for (String part : List.of("mode beet", "src 192.0.2.1 dst 203.0.113.7", "encap type espinudp sport 4500 dport 3001", "sel src 192.0.2.1/32 dst 240.1.2.3/32", "oseq 0x0")) {
            assertTrue(before.contains(part), part + " in " + before);
        }
        assertTrue(policies().contains("src 192.0.2.1/32 dst 240.1.2.3/32 proto udp dport 7947"), policies());
        assertEquals(Set.of(), encryption.apply(LOCAL, List.of(natted("203.0.113.7", 3002)), 1), "another port");
        assertTrue(states().contains("dport 3002") && states().contains("oseq 0x100000"), states());
        assertEquals(Set.of(), encryption.apply(LOCAL, List.of(natted("198.51.100.9", 4500)), 2), "another address");
        String after = states();
        assertTrue(after.contains("src 192.0.2.1 dst 198.51.100.9") && after.contains("oseq 0x200000") && !after.contains("203.0.113.7"), after);
        assertTrue(policies().contains("tmpl src 192.0.2.1 dst 198.51.100.9"), policies());
        encryption.apply(LOCAL, List.of(), 3);
        assertEquals("", states());
    }

    private static PeerAssociations natted(String host, int port) {
        String alias = "240.1.2.3";
        SecurityAssociation in = association(host, LOCAL, 0x1001);
        SecurityAssociation out = association(LOCAL, host, 0x1002);
        return new PeerAssociations(alias,
            List.of(new SecurityAssociation(host, LOCAL, in.spi(), in.group(), in.cipher(), in.key(), Optional.of(new Encapsulation(port, 4500, alias, LOCAL)))),
            Optional.of(new SecurityAssociation(LOCAL, host, out.spi(), out.group(), out.cipher(), out.key(), Optional.of(new Encapsulation(4500, port, LOCAL, alias)))),
            true);
    }

    @Test
    void anOutboundAssociationThatVanishedIsNotAddedUnderTheSameKey() {
        needsEsp();
        encryption.apply(LOCAL, List.of(peer(PEER, 0x1001, 0x1002)), 0);
        lab.ip(here, "xfrm state flush");
        assertEquals(Set.of(new SecurityAssociation.Id(PEER, 0x1002)), encryption.apply(LOCAL, List.of(peer(PEER, 0x1001, 0x1002)), 1));
        assertFalse(states().contains("spi 0x00001002"), states());
        assertTrue(states().contains("spi 0x00001001"), "the peer's counter goes on, so its association may come back");
    }
}
