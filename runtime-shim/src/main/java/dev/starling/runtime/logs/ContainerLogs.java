package dev.starling.runtime.logs;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Opens the logs of a node's containers, and has what they share: the limit of what they write, and the thread that writes what is buffered. */
public final class ContainerLogs {
    private static final int IDLE_SECONDS = 30;

    private final Kernel kernel;
    private final Clock clock;
    private final NodeLogLimit limit;
    /** Of the logs with mode=non-blocking; there is one only while they write. At most one task waits for each log. */
    private final ThreadPoolExecutor writer;

    /** @param bytesPerHour that all logs together may write; 0 for no limit */
    public ContainerLogs(Kernel kernel, Clock clock, long bytesPerHour) {
        this.kernel = kernel;
        this.clock = clock;
        this.limit = new NodeLogLimit(bytesPerHour);
        this.writer = new ThreadPoolExecutor(1, 1, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread thread = new Thread(task, "log-writer");
            thread.setDaemon(true);
            return thread;
        });
        writer.allowCoreThreadTimeOut(true);
    }

    /** Takes {@code sources} over, and closes them where this fails. */
    public ContainerLog open(List<ContainerLog.Source> sources, Path file, LogOptions options) {
        try {
            LogSink sink = limit.limited(new JsonFileLog(file, options), options);
            LogSink buffered = options.bufferBytes() == 0 ? sink : new BufferedLog(sink, writer, options.bufferBytes());
            return new ContainerLog(kernel, clock, sources, buffered);
        } catch (IOException e) {
            for (ContainerLog.Source source : sources) source.file().close();
            throw RuntimeShimException.system("open log " + file + ": " + e, e);
        }
    }

    /** After the logs: each has written what it had when it was closed. */
    public void close() {
        writer.shutdown();
    }
}
