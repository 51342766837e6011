package dev.starling.runtime.logs;

import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jnr.ffi.Pointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries what a container writes from its two FIFOs, or from its terminal, to its log. All methods but the constructor run on the event loop's thread.
 *
 * <p>The FIFOs are opened for both directions here and in the container. So neither side ever sees the other's end: while no agent runs, the
 * container's output waits in the FIFO (64 KiB, then the writer waits too), and the next agent reads on. Only what is still unread when
 * a container ends without an agent is lost with the FIFO. A terminal is kept open by a process of its own (KeptTerminal) to the same end.
 */
public final class ContainerLog {
    private static final Logger LOG = LoggerFactory.getLogger(ContainerLog.class);
    private static final int READ_BYTES = 64 * 1024;
    /** A container that writes without pause must not keep others waiting. */
    private static final int MAX_READS_PER_TURN = 4;
    /** More than a FIFO can hold (1 MiB for those who may enlarge it). */
    private static final int MAX_LAST_READS = 32;

    /** Gets what a container writes, as well as its log. On the event loop's thread: return at once. */
    public interface Tap {
        /** @param stream 1 standard output, 2 standard error */
        void accept(int stream, byte[] bytes);

        /** Nothing more will come. */
        void end();
    }

    /** @param file non-blocking; closed with the log */
    public record Source(int stream, String name, Descriptor file) {
        public static List<Source> fifos(Kernel kernel, Path standardOutput, Path standardError) {
            Descriptor output = kernel.open(standardOutput.toString(), Flags.O_RDWR | Flags.O_NONBLOCK);
            try {
                return List.of(new Source(1, "stdout", output), new Source(2, "stderr", kernel.open(standardError.toString(), Flags.O_RDWR | Flags.O_NONBLOCK)));
            } catch (RuntimeException e) {
                output.close();
                throw e;
            }
        }

        /** All that is written to a terminal is standard output. */
        public static List<Source> terminal(Descriptor master) {
            return List.of(new Source(1, "stdout", master));
        }
    }

    private static final class Stream {
        final int number;
        final String name;
        final Descriptor file;
        final LineSplitter lines = new LineSplitter();
        boolean lost;

        Stream(Source source) {
            this.number = source.stream();
            this.name = source.name();
            this.file = source.file();
        }
    }

    private final Kernel kernel;
    private final Clock clock;
    private final List<Stream> streams;
    private final LogSink file;
    private final LossyFlush flush;
    private final List<Tap> taps = new ArrayList<>();
    private boolean finished;

    ContainerLog(Kernel kernel, Clock clock, List<Source> sources, LogSink file) {
        this.kernel = kernel;
        this.clock = clock;
        this.file = file;
        this.flush = new LossyFlush(file);
        this.streams = sources.stream().map(Stream::new).toList();
    }

    public void watch(EventLoop loop, Pointer buffer) {
        for (Stream stream : streams) {
            loop.watch(stream.file, () -> {
                pump(stream, buffer, MAX_READS_PER_TURN);
                if (stream.lost) loop.unwatch(stream.file);
            });
        }
    }

    /** One buffer serves all logs of a loop. */
    public static Pointer buffer(Kernel kernel) {
        return kernel.memory(READ_BYTES);
    }

    private void pump(Stream stream, Pointer buffer, int maxReads) {
        byte[] bytes = new byte[READ_BYTES];
        for (int i = 0; i < maxReads; i++) {
            int count = (int) kernel.libc().read(stream.file.number(), buffer, READ_BYTES);
            if (count < 0) stream.lost = kernel.errno() == Errno.EIO.number(); // a terminal that nobody has open any more, which would be readable for ever
            if (count <= 0) break;
            buffer.get(0, bytes, 0, count);
            stream.lines.accept(bytes, count, entry -> file.append(stream.name, clock.instant(), entry));
            flush.run();
            if (!taps.isEmpty()) tell(stream.number, Arrays.copyOf(bytes, count));
            if (count < READ_BYTES && maxReads == MAX_READS_PER_TURN) break; // a terminal never gives more than a page or so at once
        }
    }

    private void tell(int stream, byte[] bytes) {
        for (Tap tap : List.copyOf(taps)) tap.accept(stream, bytes);
    }

    public void add(Tap tap) {
        if (finished) {
            tap.end();
        } else {
            taps.add(tap);
        }
    }

    public void remove(Tap tap) {
        taps.remove(tap);
    }

    /** The container has ended (or the agent does): takes what is in the FIFOs now, and closes. */
    public void finish(EventLoop loop, Pointer buffer) {
        for (Stream stream : streams) {
            pump(stream, buffer, MAX_LAST_READS);
            stream.lines.end(entry -> file.append(stream.name, clock.instant(), entry));
            flush.run();
            loop.unwatch(stream.file);
        }
        finished = true;
        taps.forEach(Tap::end);
        taps.clear();
        close();
    }

    /** Lines that were not kept: no room in the buffer, or more than the node lets logs write. */
    public long dropped() {
        return file.dropped();
    }

    /** Without having been watched. */
    public void close() {
        for (Stream stream : streams) stream.file.close();
        try {
            file.close();
        } catch (IOException e) {
            LOG.warn("close log: {}", e.toString());
        }
    }
}
