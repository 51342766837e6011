import dev.starling.netlink.LibC;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.u_int64_t;

/**
 * Records every frame that any device of this network namespace receives or sends, each as often as it is seen, with the kernel's time, until it is
 * terminated; then says how many, and how many the kernel had no room for. The file is a pcap for Ethernet. For in-uml-removed-node.sh, on machines without tcpdump:
 * {@code java -cp starling.jar WireRecorder.java FILE}; {@code FILE.ready} is there once it records.
 */
public final class WireRecorder {
    private static final int AF_PACKET = 17;
    private static final int ETH_P_ALL = 3;
    private static final int SOL_PACKET = 263;
    private static final int PACKET_STATISTICS = 6;
    private static final int SO_RCVBUFFORCE = 33;
    private static final int SIOCGSTAMP = 0x8906;
    private static final int ROOM = 64 << 20;
    private static final int LONGEST_FRAME = 65_536;

    /** What {@link LibC} has no need of. */
    public interface Socket {
        int ioctl(int descriptor, @u_int64_t long request, @Out ByteBuffer timeval);

        int getsockopt(int descriptor, int level, int option, @Out ByteBuffer value, ByteBuffer valueLength);
    }

    private static volatile boolean stopped;

    public static void main(String[] arguments) throws Exception {
        Path file = Path.of(arguments[0]);
        LibC c = LibC.INSTANCE;
        Socket calls = LibraryLoader.create(Socket.class).load("c");
        int socket = c.socket(AF_PACKET, LibC.SOCK_RAW, ETH_P_ALL << 8); // in network order
        if (socket < 0) {
            throw LibC.failure("socket AF_PACKET");
        }
        set(socket, SO_RCVBUFFORCE, words(ROOM));
        set(socket, LibC.SO_RCVTIMEO, timeval(100_000));
        Thread recording = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopped = true;
            try {
                recording.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        long frames = record(file, socket, calls);
        ByteBuffer statistics = words(0, 0);
        if (calls.getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, statistics, words(8)) != 0) {
            throw LibC.failure("getsockopt PACKET_STATISTICS");
        }
        System.out.println(frames + " frames recorded, " + statistics.getInt(4) + " dropped");
    }

    private static long record(Path file, int socket, Socket calls) throws IOException {
        ByteBuffer frame = ByteBuffer.allocateDirect(LONGEST_FRAME);
        byte[] bytes = new byte[LONGEST_FRAME];
        ByteBuffer time = timeval(0);
        long frames = 0;
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 16))) {
            for (int word : new int[] {0xa1b2c3d4, 0x00020004, 0, 0, LONGEST_FRAME, 1}) { // pcap's header, big-endian: version 2.4, Ethernet
                out.writeInt(word);
            }
            Files.createFile(Path.of(file + ".ready"));
            while (!stopped) {
                int length = (int) LibC.INSTANCE.recv(socket, frame.clear(), LONGEST_FRAME, 0);
                if (length < 0) {
                    continue; // nobody has sent anything for a while
                }
                if (calls.ioctl(socket, SIOCGSTAMP, time) != 0) {
                    throw LibC.failure("ioctl SIOCGSTAMP");
                }
                frame.get(0, bytes, 0, length);
                out.writeInt((int) time.getLong(0));
                out.writeInt((int) time.getLong(8));
                out.writeInt(length);
                out.writeInt(length);
                out.write(bytes, 0, length);
                frames++;
            }
        }
        return frames;
    }

    private static void set(int socket, int option, ByteBuffer value) {
        byte[] bytes = new byte[value.capacity()];
        value.get(0, bytes);
        if (LibC.INSTANCE.setsockopt(socket, LibC.SOL_SOCKET, option, bytes, bytes.length) != 0) {
            throw LibC.failure("setsockopt " + option);
        }
    }

    private static ByteBuffer words(int... words) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(4 * words.length).order(ByteOrder.nativeOrder());
        for (int i = 0; i < words.length; i++) {
            buffer.putInt(4 * i, words[i]);
        }
        return buffer;
    }

    private static ByteBuffer timeval(long micros) {
        return ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder()).putLong(0, 0).putLong(8, micros);
    }

    private WireRecorder() {}
}
