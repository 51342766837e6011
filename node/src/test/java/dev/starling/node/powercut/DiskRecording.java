package dev.starling.node.powercut;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;

/**
 * The calls on files of a Java program that was run under strace: SQLite's own writes, from native code, are among them, with their
 * bytes. A call that this does not know how to replay fails the recording, so that nothing is left out silently.
 */
public final class DiskRecording {
    private static final String CALLS = "mkdir,mkdirat,open,openat,creat,close,write,pwrite64,writev,pwritev,lseek,ftruncate,truncate,fallocate,"
            + "fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,copy_file_range,sendfile";
    private static final Pattern CALL = Pattern.compile("(\\d+) +(\\w+)\\((.*)\\) += (-?\\d+)[^\"]*");
    private static final Pattern UNFINISHED = Pattern.compile("(\\d+) +(.*) <unfinished \\.\\.\\.>");
    private static final Pattern RESUMED = Pattern.compile("(\\d+) +<\\.\\.\\. \\w+ resumed>(.*)");
    private static final long LIMIT_SECONDS = 300;

    private final Path root;
    private final List<DiskCall> calls = new ArrayList<>();
    private final Set<Integer> files = new HashSet<>();
    private final String escapedRoot;
    private String writer;

    private DiskRecording(Path root) {
        this.root = root;
        StringBuilder escaped = new StringBuilder();
        for (byte letter : (root + "/").getBytes(StandardCharsets.UTF_8)) {
            escaped.append(String.format("\\x%02x", letter));
        }
        this.escapedRoot = escaped.toString();
    }

    /** Runs {@code program} with {@code root} as its argument, to its end. Skips the test where there is no strace, or it may not trace. */
    public static List<DiskCall> of(Class<?> program, Path root) throws IOException, InterruptedException {
        Path log = root.resolveSibling(root.getFileName() + ".strace");
        Assumptions.assumeTrue(runs(List.of("strace", "-e", "trace=none", "true"), log), "needs strace and the right to use it (Debian: strace)");
        List<String> command = List.of("strace", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", "100000", "-e", "trace=" + CALLS, "-o", log.toString(),
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData", "-cp", System.getProperty("java.class.path"), program.getName(), root.toString());
        Path output = root.resolveSibling(root.getFileName() + ".output");
        if (!runs(command, output)) {
            throw new AssertionError(program.getSimpleName() + " failed: " + Files.readString(output));
        }
        DiskRecording recording = new DiskRecording(root);
        recording.read(Files.readAllLines(log, StandardCharsets.ISO_8859_1));
        return List.copyOf(recording.calls);
    }

    private static boolean runs(List<String> command, Path output) throws InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile()).start();
        } catch (IOException e) {
            return false;
        }
        try {
            return process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS) && process.exitValue() == 0;
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private void read(List<String> lines) {
        Map<String, String> begun = new HashMap<>();
        for (String line : lines) {
            Matcher unfinished = UNFINISHED.matcher(line);
            Matcher resumed = RESUMED.matcher(line);
            if (unfinished.matches()) {
                begun.put(unfinished.group(1), unfinished.group(2));
            } else {
                Matcher call = CALL.matcher(resumed.matches() ? resumed.group(1) + " " + begun.remove(resumed.group(1)) + resumed.group(2) : line);
                if (call.matches() && Long.parseLong(call.group(4)) >= 0 && isOfTheProgram(call.group(1), call.group(3))) {
                    add(call.group(2), call.group(3), Long.parseLong(call.group(4)), line);
                }
            }
        }
    }

    /** One thread does all that is recorded; numbers of files mean something else in the processes that Java starts. */
    private boolean isOfTheProgram(String thread, String arguments) {
        boolean below = arguments.contains(escapedRoot);
        if (below && writer == null) {
            writer = thread;
        }
        if (below && !thread.equals(writer)) {
            throw new AssertionError("a second thread works below " + root);
        }
        return thread.equals(writer);
    }

    private void add(String name, String arguments, long result, String line) {
        switch (name) {
            case "open", "openat", "creat" -> opened(arguments, (int) result);
            case "close" -> files.remove(Integer.parseInt(arguments));
            case "mkdir", "mkdirat" -> {
                String path = path(arguments, 0);
                if (path != null) {
                    calls.add(new DiskCall.MakeDirectory(path));
                }
            }
            case "rename", "renameat", "renameat2" -> {
                String from = path(arguments, 0);
                if (from != null) {
                    calls.add(new DiskCall.Rename(from, path(arguments, 1)));
                }
            }
            case "unlink", "unlinkat", "rmdir" -> {
                String path = path(arguments, 0);
                if (path != null) {
                    calls.add(new DiskCall.Unlink(path));
                }
            }
            case "link", "linkat", "truncate" -> {
                if (path(arguments, 0) != null) {
                    throw new AssertionError("not understood: " + line);
                }
            }
            default -> onFile(name, arguments, result, line);
        }
    }

    private void opened(String arguments, int file) {
        String path = path(arguments, 0);
        files.remove(file);
        if (path != null) {
            files.add(file);
            calls.add(new DiskCall.Open(file, path, arguments.contains("O_CREAT"), arguments.contains("O_TRUNC")));
        }
    }

    private void onFile(String name, String arguments, long result, String line) {
        int file = Integer.parseInt(arguments.split(",", 2)[0].strip());
        if (!files.contains(file)) {
            return;
        }
        String last = arguments.substring(arguments.lastIndexOf(',') + 1).strip();
        switch (name) {
            case "write" -> calls.add(new DiskCall.Write(file, -1, written(arguments, result)));
            case "pwrite64" -> calls.add(new DiskCall.Write(file, Long.parseLong(last), written(arguments, result)));
            case "lseek" -> calls.add(new DiskCall.Seek(file, result));
            case "ftruncate" -> calls.add(new DiskCall.Truncate(file, Long.parseLong(last)));
            case "fsync", "fdatasync" -> calls.add(new DiskCall.Sync(file));
            default -> throw new AssertionError("not understood: " + line);
        }
    }

    private static byte[] written(String arguments, long result) {
        byte[] bytes = string(arguments, 0);
        if (bytes.length != result) {
            throw new AssertionError(result + " bytes were written, the recording has " + bytes.length);
        }
        return bytes;
    }

    /** Relative to the root; null where it is not below it. */
    private String path(String arguments, int index) {
        Path path = Path.of(new String(string(arguments, index), StandardCharsets.UTF_8));
        return path.isAbsolute() && path.startsWith(root) ? root.relativize(path).toString() : null;
    }

    /** Strings are in hexadecimal escapes of two digits and hold no quotes. */
    private static byte[] string(String arguments, int index) {
        int from = -1;
        int to = -1;
        for (int i = 0; i <= index; i++) {
            from = arguments.indexOf('"', to + 1);
            to = arguments.indexOf('"', from + 1);
        }
        if (from < 0 || to < 0 || arguments.startsWith("...", to + 1)) {
            throw new AssertionError("no complete string " + index + " in " + arguments.substring(0, Math.min(200, arguments.length())));
        }
        byte[] bytes = new byte[(to - from - 1) / 4];
        for (int i = 0; i < bytes.length; i++) {
            int at = from + 1 + 4 * i;
            bytes[i] = (byte) (Character.digit(arguments.charAt(at + 2), 16) << 4 | Character.digit(arguments.charAt(at + 3), 16));
        }
        return bytes;
    }
}
