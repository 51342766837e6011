package dev.starling.runtime.seccomp;

import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.seccomp.SyscallRules.Condition;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which system calls a container may make: Docker's default rules, read from {@code syscalls.txt} beside this class.
 *
 * <p>{@link #rules} turns them into number -> {@link Rule} for one architecture and one set of capabilities; {@link FilterCompiler} makes the
 * program for the kernel of it.
 */
public final class SeccompProfile {
    /** What happens to a call. The last three look at the first argument. */
    public enum Rule { ALLOW, DENY, NO_SUCH_CALL, CLONE_WITHOUT_NAMESPACES, SOCKET_BUT_NOT_VSOCK_OR_ALG, HARMLESS_PERSONALITY }

    private record Entry(String name, String rule, int[] numbers) {}

    private static final String RESOURCE = "syscalls.txt";

    private final List<Entry> entries;

    private SeccompProfile(List<Entry> entries) {
        this.entries = entries;
    }

    public static SeccompProfile dockerDefault() {
        try (InputStream resource = SeccompProfile.class.getResourceAsStream(RESOURCE)) {
            if (resource == null) throw new IllegalStateException("resource " + RESOURCE + " is missing from the jar");
            List<Entry> entries = new ArrayList<>();
            BufferedReader lines = new BufferedReader(new InputStreamReader(resource, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isBlank() && line.charAt(0) != '#') entries.add(parse(line));
            }
            return new SeccompProfile(List.copyOf(entries));
        } catch (IOException e) {
            throw new UncheckedIOException("read resource " + RESOURCE, e);
        }
    }

    private static Entry parse(String line) {
        String[] fields = line.split(" ");
        if (fields.length != 2 + Architecture.values().length) throw new IllegalStateException(RESOURCE + ": not five fields: " + line);
        int[] numbers = new int[Architecture.values().length];
        for (int i = 0; i < numbers.length; i++) numbers[i] = fields[i + 2].equals("-") ? -1 : Integer.parseInt(fields[i + 2]);
        return new Entry(fields[0], fields[1], numbers);
    }

    /** @param capabilities of the container, as a mask: some calls are allowed with one of them */
    public SortedMap<Integer, Rule> rules(Architecture architecture, long capabilities) {
        SortedMap<Integer, Rule> rules = new TreeMap<>();
        for (Entry entry : entries) {
            int number = entry.numbers[architecture.ordinal()];
            if (number >= 0) rules.put(number, rule(entry.rule, capabilities));
        }
        return rules;
    }

    /** The same for those who compile it themselves, by names. */
    public SyscallRules syscallRules(long capabilities) {
        List<String> allowed = new ArrayList<>();
        List<SyscallRules.Statement> special = new ArrayList<>();
        for (Entry entry : entries) {
            switch (rule(entry.rule, capabilities)) {
                case ALLOW -> allowed.add(entry.name);
                case DENY -> { }
                case NO_SUCH_CALL -> special.add(statement(entry, SyscallRules.Action.ENOSYS));
                case CLONE_WITHOUT_NAMESPACES -> special.add(statement(
                        entry, SyscallRules.Action.ALLOW, new Condition(0, Condition.Operator.MASKED_EQ, 0, FilterCompiler.NAMESPACE_FLAGS)));
                case SOCKET_BUT_NOT_VSOCK_OR_ALG -> { // one comparison of an argument in each statement
                    special.add(statement(entry, SyscallRules.Action.ALLOW, Condition.of(0, Condition.Operator.LT, FilterCompiler.AF_ALG)));
                    special.add(statement(entry, SyscallRules.Action.ALLOW, Condition.of(0, Condition.Operator.EQ, FilterCompiler.AF_ALG + 1)));
                    special.add(statement(entry, SyscallRules.Action.ALLOW, Condition.of(0, Condition.Operator.GT, FilterCompiler.AF_VSOCK)));
                }
                case HARMLESS_PERSONALITY -> {
                    for (int harmless : FilterCompiler.HARMLESS_PERSONALITIES) {
                        special.add(statement(entry, SyscallRules.Action.ALLOW, Condition.of(0, Condition.Operator.EQ, harmless & 0xffffffffL)));
                    }
                }
            }
        }
        special.add(0, new SyscallRules.Statement(allowed, SyscallRules.Action.ALLOW, List.of()));
        return new SyscallRules(SyscallRules.Action.EPERM, List.copyOf(special));
    }

    private static SyscallRules.Statement statement(Entry entry, SyscallRules.Action action, Condition... conditions) {
        return new SyscallRules.Statement(List.of(entry.name), action, List.of(conditions));
    }

    /** The number of a call, -1 where the architecture does not have it. For tests and messages. */
    public int number(String name, Architecture architecture) {
        for (Entry entry : entries) if (entry.name.equals(name)) return entry.numbers[architecture.ordinal()];
        return -1;
    }

    private static Rule rule(String text, long capabilities) {
        boolean administrator = Capability.SYS_ADMIN.isIn(capabilities);
        return switch (text) {
            case "allow" -> Rule.ALLOW;
            case "never" -> Rule.DENY;
            case "clone" -> administrator ? Rule.ALLOW : Rule.CLONE_WITHOUT_NAMESPACES;
            case "clone3" -> administrator ? Rule.ALLOW : Rule.NO_SUCH_CALL;
            case "socket" -> Rule.SOCKET_BUT_NOT_VSOCK_OR_ALG;
            case "personality" -> Rule.HARMLESS_PERSONALITY;
            default -> anyOf(text, capabilities) ? Rule.ALLOW : Rule.DENY;
        };
    }

    private static boolean anyOf(String names, long capabilities) {
        for (String name : names.split(",")) if (Capability.valueOf(name.toUpperCase(Locale.ROOT)).isIn(capabilities)) return true;
        return false;
    }
}
