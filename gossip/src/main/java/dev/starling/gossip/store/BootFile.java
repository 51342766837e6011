package dev.starling.gossip.store;

import dev.starling.gossip.trust.PrivateFile;
import java.nio.file.Path;

/**
 * A second copy of the boot generation, outside the database: if the database is lost, the node must still not come back with a
 * generation that it had before, since others would take its new record for the old one.
 */
record BootFile(Path path) {
    /** 0 where there is none, or it cannot be understood. */
    long read() {
        PrivateFile file = new PrivateFile(path);
        String text = file.exists() ? file.read().strip() : "";
        return text.matches("[0-9]{1,18}") ? Long.parseLong(text) : 0;
    }

    void write(long boot) {
        new PrivateFile(path).write(boot + "\n");
    }
}
