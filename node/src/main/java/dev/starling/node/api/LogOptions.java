package dev.starling.node.api;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a client wants to read of logs.
 *
 * @param tail  the last lines of each task; -1 for all
 * @param since lines before it are left out; {@code until} those after it
 */
record LogOptions(
        boolean stdout, boolean stderr, boolean follow, boolean timestamps, boolean details, int tail, Instant since, Instant until) {
    private static final Pattern UNIX_TIME = Pattern.compile("([0-9]{1,12})(?:\\.([0-9]{1,9}))?");

    static LogOptions of(Call call) {
        boolean stdout = call.flag("stdout");
        boolean stderr = call.flag("stderr");
        if (!stdout && !stderr) {
            throw ApiException.badRequest("Bad parameters: you must choose at least one stream");
        }
        int tail = call.query("tail", "all").equals("all") ? -1 : (int) call.integer("tail", -1, 0, Integer.MAX_VALUE);
        return new LogOptions(stdout, stderr, call.flag("follow"), call.flag("timestamps"), call.flag("details"), tail,
                time(call, "since", Instant.MIN), time(call, "until", Instant.MAX));
    }

    boolean takes(TaskLogs.Line line) {
        return (line.stream() == 2 ? stderr : stdout) && !line.time().isBefore(since) && !line.time().isAfter(until);
    }

    private static Instant time(Call call, String name, Instant absent) {
        String text = call.query(name, "0");
        return text.equals("0") ? absent : instant(name, text);
    }

    /** Seconds since 1970 with a fraction, or RFC 3339. @throws ApiException 400 for anything else */
    static Instant instant(String name, String text) {
        Matcher unix = UNIX_TIME.matcher(text);
        if (unix.matches()) {
            String fraction = unix.group(2) == null ? "0" : (unix.group(2) + "00000000").substring(0, 9);
            return Instant.ofEpochSecond(Long.parseLong(unix.group(1)), Long.parseLong(fraction));
        }
        try {
            return OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeException e) {
            throw ApiException.badRequest("invalid value for \"" + name + "\": \"" + text + "\" is no time");
        }
    }
}
