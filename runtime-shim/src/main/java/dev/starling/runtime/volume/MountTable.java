package dev.starling.runtime.volume;

import dev.starling.runtime.kernel.Kernel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where something is mounted in a process's mount namespace: {@code /proc/PID/mountinfo}. */
record MountTable(List<String> mountPoints) {
    private static final int MAX_BYTES = 64 << 20;
    private static final int MOUNT_POINT = 4;
    private static final Pattern ESCAPED = Pattern.compile("\\\\([0-7]{3})");

    /** @param process a pid, or {@code thread-self} */
    static MountTable of(Kernel kernel, String process) {
        return parse(kernel.read("/proc/" + process + "/mountinfo", MAX_BYTES));
    }

    static MountTable parse(String text) {
        List<String> mountPoints = new ArrayList<>();
        for (String line : text.split("\n")) {
            String[] fields = line.split(" ", MOUNT_POINT + 2);
            if (fields.length > MOUNT_POINT) {
                mountPoints.add(unescaped(fields[MOUNT_POINT]));
            }
        }
        return new MountTable(mountPoints);
    }

    boolean has(String path) {
        return mountPoints.contains(path);
    }

    /** At {@code path}, or somewhere below. */
    boolean hasBelow(String path) {
        return mountPoints.stream().anyMatch(point -> point.equals(path) || point.startsWith(path + "/"));
    }

    /** The kernel writes white space and backslashes as three octal digits. Those are ASCII: what else there is stays. */
    private static String unescaped(String field) {
        if (field.indexOf('\\') < 0) {
            return field;
        }
        Matcher matcher = ESCAPED.matcher(field);
        return matcher.replaceAll(match -> Matcher.quoteReplacement(
                new String(new byte[] {(byte) Integer.parseInt(match.group(1), 8)}, StandardCharsets.ISO_8859_1)));
    }
}
