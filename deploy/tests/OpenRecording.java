import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * What a node that was removed can read of a recording of the wire, with all the keys that its kernel ever had; and, as the control, what the keys of the others open of it. The JDK's
 * ciphers, no code of Starling. For in-uml-removed-node.sh:
 *
 * <pre>
 * java OpenRecording.java RECORDING REMOVED-NODE CONTAINER REMOVED-AT LIMIT THEIR-KEYS KEYS...
 *   RECORDING     a pcap of Ethernet frames, which may hold each more than once
 *   REMOVED-NODE  its address;  CONTAINER: the address in the overlay of its container
 *   REMOVED-AT    when the command was given, in milliseconds since 1970
 *   LIMIT         how many milliseconds later the removal was known to all; what others send from then on has to be closed to the removed node
 *   THEIR-KEYS    what {@code ip xfrm state} said on the removed node, any number of times; KEYS: the same of the others
 * </pre>
 *
 * Ends with 1 where the removed node reads too much, and also where one of the controls fails: a packet that nobody's key opens, one of the removed node's own packets of before that its
 * own keys do not open, nothing sent afterwards.
 */
public final class OpenRecording {
    private static final int ETHERNET = 14;
    private static final int IPV4 = 0x0800;
    private static final int ESP = 50;
    private static final int UDP = 17;
    private static final int UDP_AND_VXLAN = 16;
    private static final int VECTOR = 8;
    private static final int TAG = 16;
    private static final int SALT = 4;
    private static final Set<Integer> TUNNELS = Set.of(4789, 7947);

    /** A packet of ESP; payload: from the initialization vector to the tag. */
    private record Packet(long micros, String source, String destination, int spi, int sequence, byte[] payload) {
        boolean isOf(String one) {
            return source.equals(one) || destination.equals(one);
        }
    }

    /** An association of a kernel: {@code secret} is the key, and the salt behind it. */
    private record Association(int spi, String source, String destination, String cipher, String secret) {
        /** RFC 4106 and RFC 7634: the nonce is salt and vector; with extended numbers (none here gets beyond 2^32) the number has eight bytes. */
        Optional<byte[]> open(Packet packet) throws GeneralSecurityException {
            byte[] secretBytes = HexFormat.of().parseHex(secret);
            byte[] nonce = new byte[SALT + VECTOR];
            System.arraycopy(secretBytes, secretBytes.length - SALT, nonce, 0, SALT);
            System.arraycopy(packet.payload, 0, nonce, SALT, VECTOR);
            boolean aes = cipher.contains("gcm(aes)");
            SecretKeySpec key = new SecretKeySpec(secretBytes, 0, secretBytes.length - SALT, aes ? "AES" : "ChaCha20");
            Cipher opening = Cipher.getInstance(aes ? "AES/GCM/NoPadding" : "ChaCha20-Poly1305");
            opening.init(Cipher.DECRYPT_MODE, key, aes ? new GCMParameterSpec(8 * TAG, nonce) : new IvParameterSpec(nonce));
            opening.updateAAD(ByteBuffer.allocate(12).putInt(packet.spi).putInt(0).putInt(packet.sequence).array());
            try {
                return Optional.of(opening.doFinal(packet.payload, VECTOR, packet.payload.length - VECTOR));
            } catch (AEADBadTagException e) {
                return Optional.empty();
            }
        }

        private static final Pattern ENDS = Pattern.compile("src (\\S+) dst (\\S+)");
        private static final Pattern NUMBER = Pattern.compile("\\s+proto esp spi 0x([0-9a-f]+).*");
        private static final Pattern SECRET = Pattern.compile("\\s+aead (\\S+) 0x([0-9a-f]+) 128");

        static Set<Association> in(Path dump) throws IOException {
            Set<Association> all = new LinkedHashSet<>();
            String source = "";
            String destination = "";
            int spi = 0;
            for (String line : Files.readAllLines(dump)) {
                Matcher ends = ENDS.matcher(line);
                Matcher number = NUMBER.matcher(line);
                Matcher secret = SECRET.matcher(line);
                if (ends.lookingAt()) {
                    source = ends.group(1);
                    destination = ends.group(2);
                } else if (number.matches()) {
                    spi = Integer.parseUnsignedInt(number.group(1), 16);
                } else if (secret.matches()) {
                    all.add(new Association(spi, source, destination, secret.group(1), secret.group(2)));
                }
            }
            return all;
        }
    }

    /** All keys of one side. */
    private static final class Keys {
        private final Set<Association> all = new LinkedHashSet<>();

        Keys(Stream<Path> dumps) throws IOException {
            for (Path dump : dumps.toList()) {
                all.addAll(Association.in(dump));
            }
        }

        /** @param withEach with every key, not only with those of the packet's number, which anybody may write there */
        Optional<byte[]> open(Packet packet, boolean withEach) throws GeneralSecurityException {
            for (Association key : all) {
                if (withEach || key.spi == packet.spi) {
                    Optional<byte[]> opened = key.open(packet);
                    if (opened.isPresent()) {
                        return opened;
                    }
                }
            }
            return Optional.empty();
        }

        long different() {
            return all.stream().map(Association::secret).distinct().count();
        }
    }

    /** What was recorded, each packet once. */
    private record Recording(List<Packet> packets, long inTheClear) {
        static Recording of(Path file) throws IOException {
            Map<Long, Packet> packets = new LinkedHashMap<>();
            long inTheClear = 0;
            try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
                in.skipNBytes(24);
                while (true) {
                    long micros;
                    try {
                        micros = in.readInt() * 1_000_000L;
                    } catch (EOFException e) {
                        return new Recording(List.copyOf(packets.values()), inTheClear);
                    }
                    micros += in.readInt();
                    byte[] bytes = new byte[in.readInt()];
                    in.readInt();
                    in.readFully(bytes);
                    ByteBuffer frame = ByteBuffer.wrap(bytes);
                    if (bytes.length < ETHERNET + 20 || frame.getShort(12) != IPV4) {
                        continue;
                    }
                    int header = (bytes[ETHERNET] & 15) * 4;
                    int start = ETHERNET + header;
                    int end = ETHERNET + Short.toUnsignedInt(frame.getShort(ETHERNET + 2)); // behind it, what Ethernet fills up short frames with
                    switch (bytes[ETHERNET + 9]) {
                        case ESP -> {
                            byte[] payload = Arrays.copyOfRange(bytes, start + 8, end);
                            Packet packet = new Packet(micros, address(bytes, ETHERNET + 12), address(bytes, ETHERNET + 16), frame.getInt(start), frame.getInt(start + 4), payload);
                            packets.putIfAbsent((long) packet.spi << 32 | packet.sequence & 0xffffffffL, packet);
                        }
                        case UDP -> {
                            if (TUNNELS.contains(Short.toUnsignedInt(frame.getShort(start + 2)))) {
                                inTheClear++;
                            }
                        }
                        default -> { }
                    }
                }
            }
        }
    }

    private static String address(byte[] bytes, int offset) {
        return "%d.%d.%d.%d".formatted(bytes[offset] & 255, bytes[offset + 1] & 255, bytes[offset + 2] & 255, bytes[offset + 3] & 255);
    }

    /** Whom the frame of a container in an opened packet is to: "" where that is no IPv4. */
    private static String innerDestination(byte[] opened) {
        int frame = UDP_AND_VXLAN;
        return opened.length >= frame + ETHERNET + 20 && ByteBuffer.wrap(opened).getShort(frame + 12) == IPV4 ? address(opened, frame + ETHERNET + 16) : "";
    }

    /** How many there are of a kind, and how many of them the removed node opens. */
    private static final class Row {
        private long packets;
        private long opened;
        private long lastOpened;

        void add(Packet packet, boolean open) {
            packets++;
            if (open) {
                opened++;
                lastOpened = Math.max(lastOpened, packet.micros);
            }
        }

        void say(String what) {
            System.out.printf("%-62s %7d packets, the removed node opens %7d%n", what, packets, opened);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Recording recording = Recording.of(Path.of(arguments[0]));
        String removed = arguments[1];
        String container = arguments[2];
        long command = Long.parseLong(arguments[3]) * 1_000;
        long limit = command + Long.parseLong(arguments[4]) * 1_000;
        Keys theirs = new Keys(Stream.of(Path.of(arguments[5])));
        Keys others = new Keys(Stream.of(arguments).skip(6).map(Path::of));

        Row itsOwnBefore = new Row();
        Row othersBefore = new Row();
        Row itSentAfter = new Row();
        Row toItAfter = new Row();
        Row othersAfter = new Row();
        Row toItsContainer = new Row();
        Row late = new Row();
        long closed = 0;
        Set<Integer> numbersBefore = new TreeSet<>();
        Set<Integer> numbersAfter = new TreeSet<>();
        for (Packet packet : recording.packets) {
            boolean after = packet.micros >= command;
            Optional<byte[]> theyOpen = theirs.open(packet, after);
            boolean read = theyOpen.isPresent();
            // what it sent under an association that the others had for a moment only is in its own dump
            Optional<byte[]> content = others.open(packet, false).or(() -> theyOpen);
            if (content.isEmpty()) {
                closed++;
                System.out.printf("nobody's key opens %s -> %s spi %08x number %d, %d ms after the command%n", packet.source, packet.destination, packet.spi, packet.sequence,
                    (packet.micros - command) / 1_000);
            }
            Row row = packet.source.equals(removed) ? after ? itSentAfter : itsOwnBefore
                : packet.destination.equals(removed) ? after ? toItAfter : itsOwnBefore
                : after ? othersAfter : othersBefore;
            row.add(packet, read);
            if (!packet.isOf(removed)) {
                (after ? numbersAfter : numbersBefore).add(packet.spi);
            }
            if (after && !packet.source.equals(removed)) {
                if (content.map(OpenRecording::innerDestination).orElse("").equals(container)) {
                    toItsContainer.add(packet, read);
                }
                if (packet.micros > limit) {
                    late.add(packet, read);
                }
            }
        }
        numbersAfter.removeAll(numbersBefore);

        System.out.printf("keys: the removed node has had %d, the others %d%n", theirs.different(), others.different());
        itsOwnBefore.say("before the command, to and from the removed node");
        othersBefore.say("before, between the others");
        itSentAfter.say("after it, sent by the removed node");
        toItAfter.say("after it, to the removed node");
        othersAfter.say("after it, between the others, under " + numbersAfter.size() + " new associations");
        toItsContainer.say("after it, of these for the address of its container");
        late.say("of all that the others sent once they knew, " + arguments[4] + " ms after it");
        long last = Math.max(toItAfter.lastOpened, othersAfter.lastOpened);
        System.out.println("the last one that it opens of what others sent: " + (last == 0 ? "before the command" : (last - command) / 1_000 + " ms after the command"));
        System.out.printf("opened by nobody: %d; in the clear on UDP 4789 or 7947: %d%n", closed, recording.inTheClear);

        List<String> wrong = new ArrayList<>();
        check(wrong, itsOwnBefore.packets > 0 && itsOwnBefore.opened == itsOwnBefore.packets, "the removed node's keys are not all here, so what they do not open says nothing");
        check(wrong, othersBefore.opened == 0, "it reads what is not its own");
        check(wrong, othersAfter.opened == 0, "it reads what others send to each other");
        check(wrong, late.opened == 0, "it reads what was sent after its removal was known");
        check(wrong, othersAfter.packets > 0 && late.packets > 0 && numbersAfter.size() >= 2, "too little was sent afterwards, or no keys were renewed");
        check(wrong, closed == 0, "packets that nobody opens");
        check(wrong, recording.inTheClear == 0, "packets in the clear");
        wrong.forEach(System.out::println);
        System.exit(wrong.isEmpty() ? 0 : 1);
    }

    private static void check(List<String> wrong, boolean right, String otherwise) {
        if (!right) {
            wrong.add("WRONG: " + otherwise);
        }
    }

    private OpenRecording() {}
}
