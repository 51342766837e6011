package dev.starling.runtime.logs;

import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import jnr.ffi.Pointer;

/**
 * Carries what a container writes from its two FIFOs, or from its terminal, to its log. All methods but the constructor run on the event loop's thread, which
 * waits for no disk: the lines go to {@link WaitingLines}, and where these have no room, nothing is read until they have.
 *
 * <p>The FIFOs are opened for both directions here and in the container. So neither side ever sees the other's end: while no agent runs, the
 * container's output waits in the FIFO (64 KiB, then the writer waits too), and the next agent reads on. Only what is still unread when
 * a container ends without an agent is lost with the FIFO. A terminal is kept open by a process of its own (KeptTerminal) to the same end.
 */
public final class ContainerLog {
    static final int READ_BYTES = 64 * 1024;
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
        final Descriptor file;
        final LineSplitter lines;
        boolean lost;

        Stream(Source source) {
            this.number = source.stream();
            this.file = source.file();
            this.lines = new LineSplitter(source.name());
        }
    }

    private final Kernel kernel;
    private final Clock clock;
    private final EventLoop loop;
    private final Pointer buffer;
    private final List<Stream> streams;
    private final WaitingLines waiting;
    private final List<Tap> taps = new ArrayList<>();
    private boolean reading;
    private boolean finished;

    /** @param buffer of {@link #READ_BYTES}, one for all logs of {@code loop} */
    ContainerLog(Kernel kernel, Clock clock, EventLoop loop, Pointer buffer, List<Source> sources, WaitingLines waiting) {
        this.kernel = kernel;
        this.clock = clock;
        this.loop = loop;
        this.buffer = buffer;
        this.waiting = waiting;
        this.streams = sources.stream().map(Stream::new).toList();
    }

    /** Begins to read, and goes on after a while in which there was no room. */
    public void watch() {
        if (finished || reading) {
            return;
        }
        reading = true;
        for (Stream stream : streams) {
            if (!stream.lost) {
                loop.watch(stream.file, () -> pump(stream));
            }
        }
    }

    private void stopReading() {
        reading = false;
        for (Stream stream : streams) {
            loop.unwatch(stream.file);
        }
    }

    private void pump(Stream stream) {
        for (int i = 0; i < MAX_READS_PER_TURN && reading; i++) {
            int room = (int) Math.min(READ_BYTES, waiting.room(() -> loop.execute(this::watch)));
            if (room == 0) {
                stopReading(); // the container waits, and nobody else does
            } else if (readOnce(stream, room) < room) { // a terminal never gives more than a page or so at once
                break;
            }
        }
        if (stream.lost) {
            loop.unwatch(stream.file);
        }
    }

    /** @return how many bytes, not more than {@code most}; 0 or less where there are none now */
    private int readOnce(Stream stream, int most) {
        int count = (int) kernel.libc().read(stream.file.number(), buffer, most);
        if (count < 0) { // a terminal that nobody has open any more, which would be readable for ever
            stream.lost = kernel.errno() == Errno.EIO.number();
        }
        if (count <= 0) {
            return count;
        }
        int before = stream.lines.pendingBytes();
        byte[] bytes = new byte[before + count];
        buffer.get(0, bytes, before, count);
        if (!taps.isEmpty()) {
            tell(stream.number, Arrays.copyOfRange(bytes, before, bytes.length));
        }
        waiting.add(stream.lines.accept(clock.instant(), bytes));
        return count;
    }

    private void tell(int stream, byte[] bytes) {
        for (Tap tap : List.copyOf(taps)) {
            tap.accept(stream, bytes);
        }
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

    /**
     * The container has ended (or the agent does): takes what is in the FIFOs now, and closes.
     *
     * @param afterwards done by who writes the log when that has all of it, so it may wait for the disk; only the first time
     * @return done with that
     */
    public CompletableFuture<Void> finish(Runnable afterwards) {
        if (finished) {
            return waiting.close(afterwards);
        }
        stopReading();
        for (Stream stream : streams) {
            for (int i = 0; i < MAX_LAST_READS && readOnce(stream, READ_BYTES) > 0; i++) {
                // until it is empty
            }
            waiting.add(stream.lines.end(clock.instant()));
        }
        finished = true;
        taps.forEach(Tap::end);
        taps.clear();
        return close(afterwards);
    }

    /** Lines that were not kept: no room in the buffer, or more than the node lets logs write. */
    public long dropped() {
        return waiting.dropped();
    }

    /** Without having been watched. */
    public void close() {
        close(() -> {});
    }

    private CompletableFuture<Void> close(Runnable afterwards) {
        for (Stream stream : streams) {
            stream.file.close();
        }
        return waiting.close(afterwards);
    }
}
