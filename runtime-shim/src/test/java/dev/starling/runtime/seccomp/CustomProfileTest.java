package dev.starling.runtime.seccomp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.seccomp.SyscallRules.Condition;
import dev.starling.runtime.seccomp.SyscallRules.Condition.Operator;
import java.math.BigInteger;
import java.util.List;
import java.util.StringJoiner;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A profile of one's own, as the kernel would decide by it. */
class CustomProfileTest {
    private static final SeccompProfile NAMES = SeccompProfile.dockerDefault();
    private static final int ALLOW = 0x7fff0000;
    private static final int LOG = 0x7ffc0000;
    private static final int KILL_PROCESS = 0x80000000;
    private static final int ENOSYS = 0x00050026;

    private static int errno(int number) {
        return 0x00050000 | number;
    }

    private static String profile(String defaultAction, String... statements) {
        StringJoiner all = new StringJoiner(", ", "{\"defaultAction\": \"" + defaultAction + "\", \"syscalls\": [", "]}");
        for (String statement : statements) {
            all.add(statement);
        }
        return all.toString().replace('\'', '"');
    }

    private static int decide(String profile, Architecture machine, long capabilities, String call, long... arguments) {
        byte[] program = new FilterSource(machine, "6.1.0-13-amd64").program(profile, capabilities);
        assertTrue(program.length / 8 <= 4096);
        return FilterCompilerTest.run(program, machine.audit(), NAMES.number(call, machine), arguments);
    }

    private static int decide(String profile, String call, long... arguments) {
        return decide(profile, Architecture.X86_64, Capability.DOCKER_DEFAULT, call, arguments);
    }

    @Test
    void aDeniedCallGetsTheErrnoAskedFor() {
        String profile = profile("SCMP_ACT_ALLOW", "{'names': ['chmod', 'fchmodat', 'of_another_kernel'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 95}",
                "{'name': 'ptrace', 'action': 'SCMP_ACT_ERRNO'}", "{'names': ['acct'], 'action': 'SCMP_ACT_KILL_PROCESS'}", "{'names': ['mount'], 'action': 'SCMP_ACT_LOG'}");
        assertEquals(errno(95), decide(profile, "chmod"));
        assertEquals(errno(1), decide(profile, "ptrace"));
        assertEquals(KILL_PROCESS, decide(profile, "acct"));
        assertEquals(LOG, decide(profile, "mount"));
        assertEquals(ALLOW, decide(profile, "reboot"));
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void aListOfWhatIsAllowedDeniesTheRestButWhatSpawningNeeds(Architecture machine) {
        String profile = profile("SCMP_ACT_KILL_PROCESS", "{'names': ['getcwd'], 'action': 'SCMP_ACT_ALLOW'}", "{'names': ['futex', 'execve'], 'action': 'SCMP_ACT_ERRNO'}");
        for (String call : List.of("getcwd", "futex", "execve", "rt_sigreturn", "exit")) {
            assertEquals(ALLOW, decide(profile, machine, 0, call), call);
        }
        for (String call : List.of("chroot", "setresuid", "capset", "socket", "ptrace", "prctl", "unlinkat")) {
            assertEquals(KILL_PROCESS, decide(profile, machine, 0, call), call);
        }
        assertEquals(ALLOW, decide(profile, machine, 0, "clone", 0x4111));
        assertEquals(KILL_PROCESS, decide(profile, machine, 0, "clone", 0x10000011));
        assertEquals(ENOSYS, decide(profile, machine, 0, "clone3"));
    }

    @Test
    void callsOfAnotherAbiAreNeverAllowed() {
        byte[] program = new FilterSource(Architecture.X86_64, "6.1").program(profile("SCMP_ACT_ALLOW"), 0);
        assertEquals(ENOSYS, FilterCompilerTest.run(program, Architecture.X86_64.audit(), 0x40000000 | 59, new long[1]), "x32's execve");
        assertEquals(errno(1), FilterCompilerTest.run(program, 0x40000003, 11, new long[1]), "i386's");
        assertEquals(ALLOW, FilterCompilerTest.run(program, Architecture.X86_64.audit(), 9999, new long[1]), "newer than we know");
    }

    @Test
    void arm64RunsArmProgramsWhereTheProfileSaysSo() {
        String plain = profile("SCMP_ACT_ALLOW", "{'names': ['chmod'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 7}");
        String both = plain.replace("\"syscalls\"", "\"archMap\": [{\"architecture\": \"SCMP_ARCH_AARCH64\", \"subArchitectures\": [\"SCMP_ARCH_ARM\"]}], \"syscalls\"");
        for (var expected : java.util.Map.of(plain, errno(1), both, errno(7)).entrySet()) {
            byte[] program = new FilterSource(Architecture.ARM64, "6.1").program(expected.getKey(), 0);
            assertEquals(expected.getValue(), FilterCompilerTest.run(program, Architecture.ARM.audit(), NAMES.number("chmod", Architecture.ARM), new long[1]));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'{\"caps\": [\"CAP_CHOWN\"]}', '{}', true", "'{\"caps\": [\"CAP_SYS_ADMIN\"]}', '{}', false", "'{\"caps\": [\"CAP_CHOWN\", \"CAP_SYS_ADMIN\"]}', '{}', false",
        "'{}', '{\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_CHOWN\"]}', false", "'{}', '{\"caps\": [\"CAP_OF_TOMORROW\"]}', true",
        "'{\"arches\": [\"amd64\", \"x32\"]}', '{}', true", "'{\"arches\": [\"s390x\"]}', '{}', false", "'{}', '{\"arches\": [\"amd64\"]}', false",
        "'{\"minKernel\": \"4.8\"}', '{}', true", "'{\"minKernel\": \"6.1\"}', '{}', true", "'{\"minKernel\": \"6.2\"}', '{}', false", "'{}', '{\"minKernel\": \"5.0\"}', false"})
    void includesAndExcludesDecideWhetherAStatementCounts(String includes, String excludes, boolean counts) {
        String profile = profile("SCMP_ACT_ERRNO", "{'names': ['ptrace'], 'action': 'SCMP_ACT_ALLOW', 'includes': " + includes + ", 'excludes': " + excludes + "}");
        assertEquals(counts ? ALLOW : errno(1), decide(profile, "ptrace"));
    }

    @Test
    void conditionsOnArgumentsAreComparedInAllTheirBits() {
        String profile = profile("SCMP_ACT_ERRNO", "{'names': ['socket'], 'action': 'SCMP_ACT_ALLOW', 'args': [{'index': 0, 'value': 2, 'op': 'SCMP_CMP_EQ'}, "
                + "{'index': 1, 'value': 15, 'valueTwo': 1, 'op': 'SCMP_CMP_MASKED_EQ'}]}");
        assertEquals(ALLOW, decide(profile, "socket", 2, 1 | 0x80000, 0));
        assertEquals(errno(1), decide(profile, "socket", 2, 2, 0));
        assertEquals(errno(1), decide(profile, "socket", 10, 1, 0));
        assertEquals(errno(1), decide(profile, "socket", 1L << 32 | 2, 1, 0));
        String either = profile("SCMP_ACT_ERRNO", "{'names': ['personality'], 'action': 'SCMP_ACT_ALLOW', 'args': [{'index': 0, 'value': 0, 'op': 'SCMP_CMP_EQ'}, "
                + "{'index': 0, 'value': 18446744073709551615, 'op': 'SCMP_CMP_EQ'}]}");
        assertEquals(ALLOW, decide(either, "personality", 0));
        assertEquals(ALLOW, decide(either, "personality", -1));
        assertEquals(errno(1), decide(either, "personality", 0xffffffffL));
    }

    /** Each comparison against arithmetic, with values that share their halves. */
    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void comparisonsAreThoseOfUnsignedNumbers(@ForAll Operator operator, @ForAll byte high, @ForAll byte low, @ForAll byte otherHigh, @ForAll byte otherLow, @ForAll byte mask) {
        long value = (long) (high & 3) << 32 | low & 3;
        long argument = (long) (otherHigh & 3) << 32 | otherLow & 3;
        long bits = (long) (mask & 3) << 32 | mask >>> 2 & 3;
        int compared = Long.compareUnsigned(argument, value);
        boolean holds = switch (operator) {
            case NE -> compared != 0;
            case LT -> compared < 0;
            case LE -> compared <= 0;
            case EQ -> compared == 0;
            case GE -> compared >= 0;
            case GT -> compared > 0;
            case MASKED_EQ -> (argument & bits) == value;
        };
        Condition condition = new Condition(5, operator, value, bits);
        String profile = profile("SCMP_ACT_ERRNO", "{'names': ['prctl'], 'action': 'SCMP_ACT_ALLOW', 'args': [{'index': 5, 'op': 'SCMP_CMP_" + operator + "', "
                + (operator == Operator.MASKED_EQ ? "'value': " + bits + ", 'valueTwo': " + value : "'value': " + value) + "}]}");
        assertEquals(holds ? ALLOW : errno(1), decide(profile, "prctl", 9, 9, 9, 9, 9, argument), condition + " of " + BigInteger.valueOf(argument));
    }

    @Test
    void theFirstStatementThatFitsCountsAndOneWithoutConditionsBeforeAll() {
        String profile = profile("SCMP_ACT_ERRNO", "{'names': ['prctl'], 'action': 'SCMP_ACT_KILL_PROCESS', 'args': [{'index': 0, 'value': 4, 'op': 'SCMP_CMP_GE'}]}",
                "{'names': ['prctl'], 'action': 'SCMP_ACT_ALLOW', 'args': [{'index': 0, 'value': 2, 'op': 'SCMP_CMP_GE'}]}",
                "{'names': ['ptrace'], 'action': 'SCMP_ACT_LOG', 'args': [{'index': 0, 'value': 2, 'op': 'SCMP_CMP_GE'}]}", "{'names': ['ptrace'], 'action': 'SCMP_ACT_ALLOW'}");
        assertEquals(KILL_PROCESS, decide(profile, "prctl", 5));
        assertEquals(ALLOW, decide(profile, "prctl", 3));
        assertEquals(errno(1), decide(profile, "prctl", 1));
        assertEquals(ALLOW, decide(profile, "ptrace", 3));
    }

    @Test
    void unconfinedIsNoFilter() {
        assertNull(new FilterSource(Architecture.ARM64, "6.1").program(FilterSource.UNCONFINED, 0));
        assertNull(new FilterSource(Architecture.ARM64, "6.1").rules(FilterSource.UNCONFINED, 0));
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '`', delimiter = '|', value = {
        "{}|INVALID|defaultAction: is missing", "[]|INVALID|is not a JSON object", "{\"defaultAction\": |INVALID|line 1, column",
        "{\"defaultAction\": \"ALLOW\"}|INVALID|defaultAction: \"ALLOW\" is no action; there are SCMP_ACT_ALLOW,",
        "{\"defaultAction\": \"SCMP_ACT_NOTIFY\"}|UNSUPPORTED|defaultAction: SCMP_ACT_NOTIFY needs a program that listens",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"SECCOMP_FILTER_FLAG_TSYNC\"]}|UNSUPPORTED|flags: this release",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"/x\"}|UNSUPPORTED|listenerPath: this release",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscals\": []}|INVALID|syscals: there is no such field",
        "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 5000}|INVALID|defaultErrnoRet: 5000 is no number from 0 to 4095",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_X86\"], \"archMap\": [{\"architecture\": \"SCMP_ARCH_X86_64\"}]}|INVALID|archMap: both",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"]}]}|INVALID|syscalls[0].action: is missing",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"action\": \"SCMP_ACT_ERRNO\"}]}|INVALID|syscalls[0].names: is missing",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [7], \"action\": \"SCMP_ACT_ERRNO\"}]}|INVALID|syscalls[0].names[0]: is not a string",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"exclude\": {}}]}|INVALID|syscalls[0].exclude: there is no such field",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 6, \"op\": \"SCMP_CMP_EQ\"}]}]}|INVALID|syscalls[0].args[0].index: 6 is no number from 0 to 5",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 1, \"op\": \"EQ\"}]}]}|INVALID|syscalls[0].args[0].op: \"EQ\" is no comparison",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 1, \"value\": -1, \"op\": \"SCMP_CMP_EQ\"}]}]}|INVALID|syscalls[0].args[0].value: -1 is no number from 0 to 2^64 - 1",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"includes\": {\"minKernel\": \"new\"}}]}|INVALID|syscalls[0].includes.minKernel: \"new\" is no version"})
    void whatIsWrongIsRefusedWithItsPlace(String profile, Kind kind, String message) {
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> FilterSource.check(profile));
        assertEquals(kind, refusal.kind());
        assertTrue(refusal.getMessage().startsWith("seccomp profile: " + message), refusal.getMessage());
    }

    @Test
    void sizesAreBounded() {
        assertTrue(assertThrows(RuntimeShimException.class, () -> FilterSource.check(" ".repeat(CustomProfile.MAX_BYTES + 1))).getMessage().contains("and may have 65536"));
        String[] statements = new String[300];
        for (int i = 0; i < statements.length; i++) {
            statements[i] = "{'names': ['chroot'], 'action': 'SCMP_ACT_LOG', 'args': [{'index': 0, 'value': " + i
                    + ", 'op': 'SCMP_CMP_GT'}, {'index': 1, 'op': 'SCMP_CMP_GT'}, {'index': 2, 'op': 'SCMP_CMP_GT'}]}";
        }
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> decide(profile("SCMP_ACT_ALLOW", statements), "chroot"));
        assertTrue(refusal.getMessage().contains("instructions, and the kernel takes 4096"), refusal.getMessage());
    }
}
