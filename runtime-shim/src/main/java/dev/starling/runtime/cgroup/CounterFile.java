package dev.starling.runtime.cgroup;

import dev.starling.runtime.kernel.Kernel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads the small files in which control groups count. What a kernel does not have reads as 0. */
final class CounterFile {
    private CounterFile() {}

    /** {@code name value} on each line. */
    static Map<String, Long> table(Kernel kernel, Path file) {
        Map<String, Long> table = new LinkedHashMap<>();
        if (!Files.exists(file)) {
            return table;
        }
        for (String line : kernel.read(file.toString()).split("\n")) {
            int space = line.indexOf(' ');
            if (space > 0 && line.indexOf(' ', space + 1) < 0) {
                table.put(line.substring(0, space), Long.parseLong(line.substring(space + 1)));
            }
        }
        return table;
    }

    /** One number; {@code max} and what is too great to be meant as a limit are 0. */
    static long number(Kernel kernel, Path file) {
        if (!Files.exists(file)) {
            return 0;
        }
        String text = kernel.read(file.toString()).trim();
        long value = text.equals("max") ? 0 : Long.parseLong(text);
        return value >= Long.MAX_VALUE / 4096 * 4096 - 4096 ? 0 : value;
    }
}
