package dev.starling.runtime.seccomp;

import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.seccomp.FilterCompiler.Abi;
import dev.starling.runtime.seccomp.SyscallRules.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * From what a container's spec says of seccomp to its filter: as a program for the kernel, or as rules for an OCI runtime. What it says is empty for Docker's
 * default, {@link #UNCONFINED}, or a profile as JSON.
 */
public final class FilterSource {
    public static final String UNCONFINED = "unconfined";

    private final Architecture machine;
    private final String kernelRelease;
    private final SeccompProfile standard = SeccompProfile.dockerDefault();
    private volatile Compiled last;

    private record Compiled(String choice, long capabilities, byte[] program) {}

    public FilterSource(Architecture machine, String kernelRelease) {
        this.machine = machine;
        this.kernelRelease = kernelRelease;
    }

    /** @throws dev.starling.runtime.RuntimeShimException INVALID or UNSUPPORTED where it is none of the three */
    public static void check(String choice) {
        if (!choice.isEmpty() && !choice.equals(UNCONFINED)) {
            CustomProfile.parse(choice);
        }
    }

    /** For a thread of this JVM: a profile of one's own is widened by what that needs. Null for none. What was compiled last is kept, since most containers are alike. */
    public byte[] program(String choice, long capabilities) {
        if (choice.equals(UNCONFINED)) {
            return null;
        }
        Compiled compiled = last;
        if (compiled == null || compiled.capabilities != capabilities || !compiled.choice.equals(choice)) {
            compiled = new Compiled(choice, capabilities, FilterCompiler.compile(choice.isEmpty() ? standard(capabilities) : custom(choice, capabilities)));
            last = compiled;
        }
        return compiled.program;
    }

    /** To the letter, by names. Null for none. */
    public SyscallRules rules(String choice, long capabilities) {
        if (choice.equals(UNCONFINED)) {
            return null;
        }
        return choice.isEmpty() ? standard.syscallRules(capabilities) : customRules(choice, capabilities);
    }

    /** A 64-bit ARM machine runs 32-bit containers too. */
    private List<Abi> standard(long capabilities) {
        List<Abi> accepted = new ArrayList<>();
        for (Architecture each : machine == Architecture.ARM64 ? List.of(Architecture.ARM64, Architecture.ARM) : List.of(machine)) {
            accepted.add(new Abi(each, standard.verdicts(each, capabilities), Verdict.DENY, Verdict.NO_SUCH_CALL));
        }
        return accepted;
    }

    private SyscallRules customRules(String choice, long capabilities) {
        Set<String> held = new HashSet<>();
        for (Capability each : Capability.values()) {
            if (each.isIn(capabilities)) {
                held.add("CAP_" + each);
            }
        }
        return CustomProfile.parse(choice).rules(machine, held::contains, kernelRelease);
    }

    private List<Abi> custom(String choice, long capabilities) {
        SyscallRules rules = customRules(choice, capabilities);
        Verdict otherwise = Verdict.always(rules.otherwise());
        List<Abi> accepted = new ArrayList<>();
        for (Architecture each : Architecture.values()) {
            // the machine's own first; others only where the kernel runs them
            boolean second = machine == Architecture.ARM64 && each == Architecture.ARM && rules.architectures().contains(CustomProfile.nameOf(each));
            if (each != machine && !second) {
                continue;
            }
            SortedMap<Integer, Verdict> verdicts = verdicts(rules, each);
            if (each == machine) {
                SpawningCalls.allowIn(verdicts, otherwise, standard.table(), each);
            }
            // as runc has it: a call that is newer than all we know is not there, so that programs fall back to an older one
            accepted.add(new Abi(each, verdicts, otherwise, otherwise.letsPass() ? otherwise : Verdict.NO_SUCH_CALL));
        }
        return accepted;
    }

    /** Of every number that we know: those the profile does not speak of have its default. */
    private SortedMap<Integer, Verdict> verdicts(SyscallRules rules, Architecture architecture) {
        SortedMap<Integer, Verdict> verdicts = new TreeMap<>();
        Set<Integer> settled = new HashSet<>(); // by a statement without conditions
        for (SystemCallTable.Entry entry : standard.table().entries()) {
            if (entry.number(architecture) >= 0) {
                verdicts.put(entry.number(architecture), Verdict.always(rules.otherwise()));
            }
        }
        for (Statement statement : rules.statements()) {
            for (String name : statement.names()) {
                int number = standard.table().number(name, architecture);
                if (number < 0 || settled.contains(number)) {
                    continue;
                }
                if (statement.conditions().isEmpty()) {
                    settled.add(number);
                    verdicts.put(number, Verdict.always(statement.action()));
                } else {
                    verdicts.put(number, withLast(verdicts.get(number), statement));
                }
            }
        }
        return verdicts;
    }

    private static Verdict withLast(Verdict verdict, Statement statement) {
        List<Verdict.Case> cases = new ArrayList<>(verdict.cases());
        cases.add(new Verdict.Case(statement.conditions(), statement.action()));
        return new Verdict(List.copyOf(cases), verdict.otherwise());
    }
}
