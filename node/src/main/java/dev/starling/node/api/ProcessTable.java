package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;

/** {@code docker top}: processes with the columns of {@code ps -ef}, read from /proc. One that ends meanwhile is left out. */
final class ProcessTable {
    private static final List<String> TITLES = List.of("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD");
    private static final long TICKS_A_SECOND = 100; // USER_HZ
    /** Fields of /proc/PID/stat after the command's closing bracket, counted from 0. */
    private static final int PARENT = 1;
    private static final int TERMINAL = 4;
    private static final int USER_TICKS = 11;
    private static final int SYSTEM_TICKS = 12;
    private static final int START_TICKS = 19;
    private static final int UNIX98_PTY_MAJOR = 136;
    private static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("HH:mm").withZone(ZoneId.systemDefault());

    static ObjectNode of(List<Integer> pids) {
        ObjectNode json = Json.object();
        ArrayNode processes = json.putArray("Processes");
        for (int pid : pids.stream().sorted().toList()) {
            try {
                processes.add(Json.strings(row(pid)));
            } catch (IOException e) {
                // it has ended
            }
        }
        json.set("Titles", Json.strings(TITLES));
        return json;
    }

    private static List<String> row(int pid) throws IOException {
        Path process = Path.of("/proc", Integer.toString(pid));
        String stat = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1).trim();
        String name = stat.substring(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        String commandLine = new String(Files.readAllBytes(process.resolve("cmdline")), StandardCharsets.UTF_8).replace('\0', ' ').strip();
        Duration up = Duration.ofMillis((long) (Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ")[0]) * 1000));
        Duration age = up.minus(Duration.ofMillis(Long.parseLong(fields[START_TICKS]) * 1000 / TICKS_A_SECOND));
        long cpuSeconds = (Long.parseLong(fields[USER_TICKS]) + Long.parseLong(fields[SYSTEM_TICKS])) / TICKS_A_SECOND;
        return List.of(userId(process), Integer.toString(pid), fields[PARENT], Long.toString(cpuSeconds * 100 / Math.max(1, age.toSeconds())),
                CLOCK.format(Instant.now().minus(age)), terminal(Integer.parseInt(fields[TERMINAL])),
                String.format("%02d:%02d:%02d", cpuSeconds / 3600, cpuSeconds / 60 % 60, cpuSeconds % 60),
                commandLine.isEmpty() ? "[" + name + "]" : commandLine);
    }

    /** As a number: its name is an affair of the container's own files. */
    private static String userId(Path process) throws IOException {
        for (String line : Files.readAllLines(process.resolve("status"), StandardCharsets.ISO_8859_1)) {
            if (line.startsWith("Uid:")) {
                String id = line.split("\\s+")[1];
                return id.equals("0") ? "root" : id;
            }
        }
        return "?";
    }

    private static String terminal(int device) {
        return device >> 8 == UNIX98_PTY_MAJOR ? "pts/" + (device & 0xff) : "?";
    }

    private ProcessTable() {}
}
