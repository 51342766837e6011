package dev.starling.runtime.seccomp;

import dev.starling.runtime.kernel.Architecture;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The system calls of our architectures: names, numbers, and what Docker's default profile says of each. Read from {@code syscalls.txt} beside this class. */
final class SystemCallTable {
    /** @param rule of the default profile, in the words of the file; {@code numbers} by architecture, -1 for none */
    record Entry(String name, String rule, int[] numbers) {
        int number(Architecture architecture) {
            return numbers[architecture.ordinal()];
        }
    }

    private static final String RESOURCE = "syscalls.txt";

    private final List<Entry> entries;
    private final Map<String, Entry> byName = new TreeMap<>();

    private SystemCallTable(List<Entry> entries) {
        this.entries = List.copyOf(entries);
        for (Entry entry : entries) {
            byName.put(entry.name, entry);
        }
    }

    static SystemCallTable read() {
        try (InputStream resource = SystemCallTable.class.getResourceAsStream(RESOURCE)) {
            if (resource == null) {
                throw new IllegalStateException("resource " + RESOURCE + " is missing from the jar");
            }
            List<Entry> entries = new ArrayList<>();
            BufferedReader lines = new BufferedReader(new InputStreamReader(resource, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isBlank() && line.charAt(0) != '#') {
                    entries.add(parse(line));
                }
            }
            return new SystemCallTable(entries);
        } catch (IOException e) {
            throw new UncheckedIOException("read resource " + RESOURCE, e);
        }
    }

    private static Entry parse(String line) {
        String[] fields = line.split(" ");
        if (fields.length != 2 + Architecture.values().length) {
            throw new IllegalStateException(RESOURCE + ": not five fields: " + line);
        }
        int[] numbers = new int[Architecture.values().length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = fields[i + 2].equals("-") ? -1 : Integer.parseInt(fields[i + 2]);
        }
        return new Entry(fields[0], fields[1], numbers);
    }

    List<Entry> entries() {
        return entries;
    }

    /** -1 where the architecture does not have it, or nobody. */
    int number(String name, Architecture architecture) {
        Entry entry = byName.get(name);
        return entry == null ? -1 : entry.number(architecture);
    }
}
