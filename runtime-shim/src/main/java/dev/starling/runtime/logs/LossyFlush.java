package dev.starling.runtime.logs;

import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Flushes a log. A full disk costs log lines, and is told once until there is room again; it must not stop the container or the other logs. */
final class LossyFlush {
    private static final Logger LOG = LoggerFactory.getLogger(LossyFlush.class);

    private final LogSink file;
    private boolean complained;

    LossyFlush(LogSink file) {
        this.file = file;
    }

    void run() {
        try {
            file.flush();
            complained = false;
        } catch (IOException e) {
            if (!complained) {
                LOG.warn("log lines are lost: {}", e.toString());
            }
            complained = true;
        }
    }
}
