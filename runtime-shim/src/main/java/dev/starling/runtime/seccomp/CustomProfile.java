package dev.starling.runtime.seccomp;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.seccomp.SyscallRules.Action;
import dev.starling.runtime.seccomp.SyscallRules.Condition;
import dev.starling.runtime.seccomp.SyscallRules.Statement;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * A seccomp profile in Docker's format (that of {@code docker run --security-opt seccomp=FILE}):
 *
 * <pre>
 *   { "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
 *     "archMap": [ { "architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"] } ],
 *     "syscalls": [ { "names": ["read", "write"], "action": "SCMP_ACT_ALLOW",
 *                     "args": [ { "index": 0, "value": 2, "valueTwo": 0, "op": "SCMP_CMP_EQ" } ],
 *                     "includes": { "arches": ["arm64"], "caps": ["CAP_SYS_ADMIN"], "minKernel": "4.8" }, "excludes": {} } ] }
 * </pre>
 *
 * Rules as in Docker: names that we do not know are passed over (they are of another architecture or a newer kernel); {@code includes} asks for all it names,
 * {@code excludes} takes out by any; a statement that says what the default says anyway counts for nothing; two conditions on one argument are two statements.
 * Other than in Docker a key that is not in the format is refused: a misspelt "excludes" would be a hole.
 */
public final class CustomProfile {
    public static final int MAX_BYTES = 64 << 10;
    private static final int MAX_STATEMENTS = 1024;
    private static final int MAX_NAMES = 8192;
    private static final int MAX_ERRNO = 4095;
    private static final int EPERM = 1;

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private static final Map<String, Action.Kind> ACTIONS = Map.of(
            "SCMP_ACT_ALLOW", Action.Kind.ALLOW, "SCMP_ACT_LOG", Action.Kind.LOG, "SCMP_ACT_ERRNO", Action.Kind.ERRNO, "SCMP_ACT_TRACE", Action.Kind.TRACE,
            "SCMP_ACT_TRAP", Action.Kind.TRAP, "SCMP_ACT_KILL", Action.Kind.KILL_THREAD, "SCMP_ACT_KILL_THREAD", Action.Kind.KILL_THREAD,
            "SCMP_ACT_KILL_PROCESS", Action.Kind.KILL_PROCESS);

    private record Machines(List<String> arches, List<String> capabilities, int[] minKernel) {}

    private record Entry(List<String> names, Action action, List<Condition> conditions, Machines includes, Machines excludes) {}

    private final Action otherwise;
    /** Main architecture to its further ones; or one entry with an empty name, for all. */
    private final Map<String, List<String>> architectures;
    private final List<Entry> entries;

    private CustomProfile(Action otherwise, Map<String, List<String>> architectures, List<Entry> entries) {
        this.otherwise = otherwise;
        this.architectures = architectures;
        this.entries = entries;
    }

    /** @throws RuntimeShimException INVALID or UNSUPPORTED, with the path of what is wrong: {@code seccomp profile: syscalls[3].args[0].op: ...} */
    public static CustomProfile parse(String text) {
        int length = text.getBytes(StandardCharsets.UTF_8).length;
        if (length > MAX_BYTES) {
            throw invalid("", "has " + length + " bytes, and may have " + MAX_BYTES);
        }
        JsonNode json;
        try {
            json = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            String place = e.getLocation() == null ? "" : "line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
            throw invalid(place, "is not JSON: " + e.getOriginalMessage());
        }
        if (!json.isObject()) {
            throw invalid("", "is not a JSON object");
        }
        ProfileJson profile = new ProfileJson(json, "");
        profile.onlyKeys(Set.of("defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "syscalls", "flags", "listenerPath", "listenerMetadata"));
        for (String unsupported : List.of("flags", "listenerPath", "listenerMetadata")) {
            JsonNode value = json.path(unsupported);
            if (value.isContainerNode() ? !value.isEmpty() : !value.asText("").isEmpty()) {
                throw unsupported(unsupported, "this release sets no such thing");
            }
        }
        Action otherwise = action(profile, "defaultAction", "defaultErrnoRet");
        List<ProfileJson> statements = profile.objects("syscalls", MAX_STATEMENTS);
        List<Entry> entries = new ArrayList<>();
        int names = 0;
        for (ProfileJson statement : statements) {
            Entry entry = entry(statement);
            names += entry.names.size();
            if (names > MAX_NAMES) {
                throw invalid(statement.path(), "is where the profile has more than " + MAX_NAMES + " names of system calls");
            }
            entries.add(entry);
        }
        return new CustomProfile(otherwise, architectures(profile), List.copyOf(entries));
    }

    private static Map<String, List<String>> architectures(ProfileJson profile) {
        List<String> plain = profile.strings("architectures");
        List<ProfileJson> map = profile.objects("archMap", MAX_STATEMENTS);
        if (!plain.isEmpty() && !map.isEmpty()) {
            throw invalid("archMap", "both 'architectures' and 'archMap' are specified, use either of them");
        }
        if (!plain.isEmpty()) {
            return Map.of("", plain);
        }
        Map<String, List<String>> result = new TreeMap<>();
        for (ProfileJson each : map) {
            each.onlyKeys(Set.of("architecture", "subArchitectures"));
            result.put(each.string("architecture"), each.strings("subArchitectures"));
        }
        return result;
    }

    private static Entry entry(ProfileJson json) {
        json.onlyKeys(Set.of("name", "names", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes"));
        List<String> names = json.strings("names");
        if (json.has("name")) {
            if (!names.isEmpty()) {
                throw invalid(json.path(), "both 'name' and 'names' are specified, use either of them");
            }
            names = List.of(json.string("name"));
        }
        if (names.isEmpty()) {
            throw invalid(json.path() + ".names", "is missing");
        }
        List<Condition> conditions = new ArrayList<>();
        for (ProfileJson argument : json.objects("args", 6)) {
            conditions.add(condition(argument));
        }
        return new Entry(names, action(json, "action", "errnoRet"), List.copyOf(conditions), machines(json, "includes"), machines(json, "excludes"));
    }

    private static Action action(ProfileJson json, String field, String errnoField) {
        String text = json.string(field);
        if (text.equals("SCMP_ACT_NOTIFY")) {
            throw unsupported(json.at(field), "SCMP_ACT_NOTIFY needs a program that listens");
        }
        Action.Kind kind = ACTIONS.get(text);
        if (kind == null) {
            throw invalid(json.at(field), "\"" + text + "\" is no action; there are " + String.join(", ", new TreeSet<>(ACTIONS.keySet())));
        }
        if (kind != Action.Kind.ERRNO && kind != Action.Kind.TRACE) {
            return new Action(kind, 0);
        }
        return new Action(kind, (int) json.integer(errnoField, EPERM, MAX_ERRNO));
    }

    private static Condition condition(ProfileJson json) {
        json.onlyKeys(Set.of("index", "value", "valueTwo", "op"));
        int index = (int) json.integer("index", -1, 5);
        if (index < 0) {
            throw invalid(json.at("index"), "is missing");
        }
        String text = json.string("op");
        Condition.Operator operator = null;
        for (Condition.Operator each : Condition.Operator.values()) {
            if (text.equals("SCMP_CMP_" + each)) {
                operator = each;
            }
        }
        if (operator == null) {
            throw invalid(json.at("op"), "\"" + text + "\" is no comparison; there are SCMP_CMP_NE, LT, LE, EQ, GE, GT, MASKED_EQ");
        }
        long value = json.unsigned("value");
        long second = json.unsigned("valueTwo");
        return operator == Condition.Operator.MASKED_EQ ? new Condition(index, operator, second, value) : new Condition(index, operator, value, 0);
    }

    private static Machines machines(ProfileJson json, String field) {
        if (!json.has(field)) {
            return new Machines(List.of(), List.of(), null);
        }
        ProfileJson part = json.object(field);
        part.onlyKeys(Set.of("arches", "caps", "minKernel"));
        return new Machines(part.strings("arches"), part.strings("caps"), part.has("minKernel") ? version(part.string("minKernel"), part.at("minKernel")) : null);
    }

    private static int[] version(String text, String path) {
        if (!text.matches("[0-9]{1,5}\\.[0-9]{1,5}")) {
            throw invalid(path, "\"" + text + "\" is no version like 4.8");
        }
        int dot = text.indexOf('.');
        return new int[] {Integer.parseInt(text.substring(0, dot)), Integer.parseInt(text.substring(dot + 1))};
    }

    /**
     * For one container on one machine.
     *
     * @param holds         whether it has a capability, {@code CAP_CHOWN}
     * @param kernelRelease {@code 6.1.0-13-amd64}
     */
    public SyscallRules rules(Architecture machine, Predicate<String> holds, String kernelRelease) {
        List<Statement> statements = new ArrayList<>();
        for (Entry entry : entries) {
            boolean taken = entry.excludes.arches.contains(dockerName(machine)) || entry.excludes.capabilities.stream().anyMatch(holds)
                    || entry.excludes.minKernel != null && isAtLeast(kernelRelease, entry.excludes.minKernel);
            boolean wanted = (entry.includes.arches.isEmpty() || entry.includes.arches.contains(dockerName(machine)))
                    && entry.includes.capabilities.stream().allMatch(holds)
                    && (entry.includes.minKernel == null || isAtLeast(kernelRelease, entry.includes.minKernel));
            if (taken || !wanted || entry.action.equals(otherwise)) {
                continue;
            }
            if (entry.conditions.stream().map(Condition::index).distinct().count() == entry.conditions.size()) {
                statements.add(new Statement(entry.names, entry.action, entry.conditions));
            } else {
                for (Condition condition : entry.conditions) {
                    statements.add(new Statement(entry.names, entry.action, List.of(condition)));
                }
            }
        }
        return new SyscallRules(otherwise, architectures(machine), List.copyOf(statements));
    }

    private List<String> architectures(Architecture machine) {
        String own = nameOf(machine);
        List<String> result = new ArrayList<>(List.of(own));
        for (String each : architectures.getOrDefault("", architectures.getOrDefault(own, List.of()))) {
            if (!result.contains(each)) {
                result.add(each);
            }
        }
        return List.copyOf(result);
    }

    static String nameOf(Architecture machine) {
        return switch (machine) {
            case X86_64 -> "SCMP_ARCH_X86_64";
            case ARM64 -> "SCMP_ARCH_AARCH64";
            case ARM -> "SCMP_ARCH_ARM";
        };
    }

    private static String dockerName(Architecture machine) {
        return switch (machine) {
            case X86_64 -> "amd64";
            case ARM64 -> "arm64";
            case ARM -> "arm";
        };
    }

    private static boolean isAtLeast(String release, int[] least) {
        String[] numbers = release.split("[^0-9]", 3);
        try {
            int major = Integer.parseInt(numbers[0]);
            int minor = numbers.length > 1 ? Integer.parseInt(numbers[1]) : 0;
            return major > least[0] || major == least[0] && minor >= least[1];
        } catch (NumberFormatException e) {
            throw RuntimeShimException.system("the kernel's release \"" + release + "\" does not begin with two numbers, and a seccomp profile asks for one", e);
        }
    }

    static RuntimeShimException invalid(String path, String problem) {
        return RuntimeShimException.invalid("seccomp profile: " + (path.isEmpty() ? "" : path + ": ") + problem);
    }

    static RuntimeShimException unsupported(String path, String problem) {
        return RuntimeShimException.unsupported("seccomp profile: " + path + ": " + problem);
    }
}
