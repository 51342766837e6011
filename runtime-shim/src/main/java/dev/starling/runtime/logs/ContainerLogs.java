package dev.starling.runtime.logs;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.Executor;
import jnr.ffi.Pointer;

/** Opens the logs of a node's containers, and has what they share: the loop that reads them, its buffer, who writes them, and the limit of what they write. */
public final class ContainerLogs {
    private final Kernel kernel;
    private final Clock clock;
    private final EventLoop loop;
    private final Pointer buffer;
    private final Executor writers;
    private final NodeLogLimit limit;

    /** @param writers to write on, in any order among logs; {@code bytesPerHour} that all logs together may write, 0 for no limit */
    public ContainerLogs(Kernel kernel, Clock clock, EventLoop loop, Executor writers, long bytesPerHour) {
        this.kernel = kernel;
        this.clock = clock;
        this.loop = loop;
        this.buffer = kernel.memory(ContainerLog.READ_BYTES);
        this.writers = writers;
        this.limit = new NodeLogLimit(bytesPerHour, clock);
    }

    /** Takes {@code sources} over, and closes them where this fails. */
    public ContainerLog open(List<ContainerLog.Source> sources, Path file, LogOptions options) {
        try {
            LogSink sink = limit.limited(new JsonFileLog(file, options), options);
            return new ContainerLog(kernel, clock, loop, buffer, sources, new WaitingLines(sink, writers, options));
        } catch (IOException e) {
            for (ContainerLog.Source source : sources) {
                source.file().close();
            }
            throw RuntimeShimException.system("open log " + file + ": " + e, e);
        }
    }
}
