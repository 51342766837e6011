package dev.starling.node.api;

import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;

/** The processes that clients added to containers, by id: created, running, or ended, so that the exit code can be asked for. */
final class ExecTable {
    /** All that are kept; ended ones leave first, then those that were created and never started. */
    static final int MAX = 512;
    /** Two threads' work at their start, three descriptors while they run. */
    static final int MAX_RUNNING = 128;

    /** One of them. What changes is guarded by the table. */
    static final class Entry {
        final String id;
        final String containerId;
        final ExecSpec spec;
        final boolean output;
        final boolean errors;
        private boolean started;
        private boolean ended;
        private ExecProcess process;
        private OptionalInt exitCode = OptionalInt.empty();

        private Entry(String id, String containerId, ExecSpec spec, boolean output, boolean errors) {
            this.id = id;
            this.containerId = containerId;
            this.spec = spec;
            this.output = output;
            this.errors = errors;
        }
    }

    /** An entry as it is now. {@code pid} is 0 where it does not run */
    record State(boolean running, int pid, OptionalInt exitCode) {}

    private final SecureRandom random = new SecureRandom();
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /** @param output whether the client wants its standard output; {@code errors} likewise */
    synchronized Entry add(String containerId, ExecSpec spec, boolean output, boolean errors) {
        if (entries.size() >= MAX && !evict(true) && !evict(false)) {
            throw ApiException.unavailable(MAX + " processes were added to containers of this node and still run");
        }
        byte[] bytes = new byte[32];
        random.nextBytes(bytes);
        Entry entry = new Entry(HexFormat.of().formatHex(bytes), containerId, spec, output, errors);
        entries.put(entry.id, entry);
        return entry;
    }

    private boolean evict(boolean ended) {
        for (Iterator<Entry> oldest = entries.values().iterator(); oldest.hasNext();) {
            Entry entry = oldest.next();
            if (ended ? entry.ended : !entry.started) {
                oldest.remove();
                return true;
            }
        }
        return false;
    }

    synchronized Entry find(String id) {
        Entry entry = entries.get(id);
        if (entry == null) {
            throw ApiException.notFound("No such exec instance: " + id);
        }
        return entry;
    }

    /** Each is started once. */
    synchronized void begin(Entry entry) {
        if (entry.started) {
            throw ApiException.conflict("Error: Exec command " + entry.id + (entry.ended ? " has already run" : " is already running"));
        }
        if (entries.values().stream().filter(each -> each.started && !each.ended).count() >= MAX_RUNNING) {
            throw ApiException.unavailable(MAX_RUNNING + " added processes run on this node; no more are started");
        }
        entry.started = true;
    }

    synchronized void running(Entry entry, ExecProcess process) {
        entry.process = process;
    }

    synchronized void ended(Entry entry, OptionalInt exitCode) {
        entry.ended = true;
        entry.exitCode = exitCode;
    }

    /** Null before it runs. */
    synchronized ExecProcess process(Entry entry) {
        return entry.process;
    }

    synchronized State state(Entry entry) {
        boolean running = entry.process != null && !entry.ended;
        return new State(running, running ? entry.process.pid() : 0, entry.exitCode);
    }
}
