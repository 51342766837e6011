package dev.starling.netlink.xfrm;

import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.NetlinkSocket;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a kernel has of ESP, found by asking: an association of each cipher, for addresses of the documentation ranges (RFC 5737, RFC 3849), is added and
 * deleted again. That also loads modules.
 *
 * @param ciphers which it has, the fastest here first: without AES instructions AES-GCM is several times slower than ChaCha20-Poly1305
 * @param missing       what it lacks, in a line each, with the option and module that would bring it
 * @param encapsulation whether it has ESP inside UDP with addresses of its own inside ({@link Mode#BEET}), for peers behind NAT; by IPv4 only
 */
public record EspSupport(List<Cipher> ciphers, List<String> missing, boolean encapsulation) {
    private static final int PROBE_SPI = 0x5374_0001;
    private static final String SOURCE = "192.0.2.1";
    private static final String DESTINATION = "192.0.2.2";

    /** Without ESP inside UDP. */
    public EspSupport(List<Cipher> ciphers, List<String> missing) {
        this(ciphers, missing, false);
    }

    public boolean available() {
        return !ciphers.isEmpty();
    }

    /** @param ipv6 whether the tunnels go by IPv6 */
    public static EspSupport of(NetNs namespace, boolean ipv6) {
        try (NetlinkSocket socket = NetlinkSocket.xfrm(namespace)) {
            List<Cipher> ciphers = new ArrayList<>();
            List<String> missing = new ArrayList<>();
            for (Cipher cipher : Cipher.values()) {
                try {
                    probe(socket, cipher, ipv6 ? "2001:db8::1" : SOURCE, ipv6 ? "2001:db8::2" : DESTINATION, Optional.empty());
                    ciphers.add(cipher);
                } catch (NetlinkException e) {
                    missing.add("ESP with " + cipher.text() + " (options " + (ipv6 ? "CONFIG_INET6_ESP, " : "CONFIG_INET_ESP, ") + option(cipher) + "; modules "
                        + (ipv6 ? "esp6, " : "esp4, ") + module(cipher) + "): " + e.getMessage());
                }
            }
            return new EspSupport(fastestFirst(ciphers, hasAesInstructions(Path.of("/proc/cpuinfo"))), List.copyOf(missing),
                !ciphers.isEmpty() && !ipv6 && hasEncapsulation(socket, ciphers.get(0)));
        } catch (NetlinkException e) {
            return new EspSupport(List.of(), List.of("XFRM (option CONFIG_XFRM_USER, module xfrm_user): " + e.getMessage()));
        }
    }

    private static void probe(NetlinkSocket socket, Cipher cipher, String source, String destination, Optional<Encapsulation> udp) {
        SecurityAssociation probe = new SecurityAssociation(source, destination, PROBE_SPI, VxlanEncryption.GROUP, cipher, EspKey.of(new byte[Cipher.KEY_BYTES]), udp);
        socket.execute(Xfrm.delete(probe.id())); // of a probe that was cut off
        socket.execute(Xfrm.add(probe));
        socket.execute(Xfrm.delete(probe.id()));
    }

    private static boolean hasEncapsulation(NetlinkSocket socket, Cipher cipher) {
        try {
            probe(socket, cipher, SOURCE, DESTINATION, Optional.of(new Encapsulation(4500, 4500, SOURCE, "192.0.2.3")));
            return true;
        } catch (NetlinkException e) {
            return false;
        }
    }

    static List<Cipher> fastestFirst(List<Cipher> ciphers, boolean aesInstructions) {
        Cipher first = aesInstructions ? Cipher.AES_GCM : Cipher.CHACHA20_POLY1305;
        return Stream.concat(ciphers.stream().filter(cipher -> cipher == first), ciphers.stream().filter(cipher -> cipher != first)).toList();
    }

    /** {@code cpuinfo}: proc(5); the flag is "aes" on x86 ("flags") and ARM ("Features") alike. Of a file that cannot be read: no. */
    static boolean hasAesInstructions(Path cpuinfo) {
        try (Stream<String> lines = Files.lines(cpuinfo)) {
            return lines.filter(line -> line.startsWith("flags") || line.startsWith("Features"))
                .anyMatch(line -> List.of(line.split("\\s+")).contains("aes"));
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }

    private static String option(Cipher cipher) {
        return cipher == Cipher.AES_GCM ? "CONFIG_CRYPTO_GCM" : "CONFIG_CRYPTO_CHACHA20POLY1305";
    }

    private static String module(Cipher cipher) {
        return cipher == Cipher.AES_GCM ? "gcm" : "chacha20poly1305";
    }
}
