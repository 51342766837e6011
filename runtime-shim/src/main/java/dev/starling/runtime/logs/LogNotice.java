package dev.starling.runtime.logs;

/** What Starling itself says in a container's log, on standard error: its reader has no other place where a gap is told. */
final class LogNotice {
    static final String STREAM = "stderr";

    static String of(String text) {
        return "[starling] " + text + "\n";
    }

    static String lines(long count) {
        return count == 1 ? "1 line" : count + " lines";
    }

    private LogNotice() {}
}
