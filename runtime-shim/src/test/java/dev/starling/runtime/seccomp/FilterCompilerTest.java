package dev.starling.runtime.seccomp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.seccomp.SeccompProfile.Rule;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SortedMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The compiled program, run by a small BPF machine, decides as the rules say, on every architecture. */
class FilterCompilerTest {
    private static final int ALLOW = 0x7fff0000;
    private static final int EPERM = 0x00050001;
    private static final int ENOSYS = 0x00050026;
    private static final SeccompProfile PROFILE = SeccompProfile.dockerDefault();

    private static byte[] standard(Architecture machine, long capabilities) {
        return new FilterSource(machine, "6.1.0").program("", capabilities);
    }

    /** {@code struct seccomp_data} in, action out. */
    private static int run(byte[] program, int architecture, int call, long argument) {
        return run(program, architecture, call, new long[] {argument});
    }

    static int run(byte[] program, int architecture, int call, long[] arguments) {
        ByteBuffer code = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putInt(0, call).putInt(4, architecture);
        for (int i = 0; i < arguments.length; i++) {
            data.putLong(16 + 8 * i, arguments[i]);
        }
        int accumulator = 0;
        for (int at = 0; ; at++) {
            int operation = code.getShort(at * 8) & 0xffff;
            int jumpTrue = code.get(at * 8 + 2) & 0xff;
            int jumpFalse = code.get(at * 8 + 3) & 0xff;
            int operand = code.getInt(at * 8 + 4);
            switch (operation) {
                case 0x20 -> accumulator = data.getInt(operand);
                case 0x05 -> at += operand;
                case 0x15 -> at += accumulator == operand ? jumpTrue : jumpFalse;
                case 0x25 -> at += Integer.compareUnsigned(accumulator, operand) > 0 ? jumpTrue : jumpFalse;
                case 0x35 -> at += Integer.compareUnsigned(accumulator, operand) >= 0 ? jumpTrue : jumpFalse;
                case 0x54 -> accumulator &= operand;
                case 0x06 -> {
                    return operand;
                }
                default -> throw new AssertionError("unknown instruction " + operation);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void everyNumberIsDecidedByItsRule(Architecture architecture) {
        byte[] program = standard(architecture, Capability.DOCKER_DEFAULT);
        assertTrue(program.length / 8 < 4096, "the kernel takes at most 4096 instructions");
        SortedMap<Integer, Rule> rules = PROFILE.rules(architecture, Capability.DOCKER_DEFAULT);
        int last = rules.headMap(0x10000).lastKey();
        for (int call = 0; call < 0xf0010; call++) {
            Rule rule = rules.getOrDefault(call, call > last ? Rule.NO_SUCH_CALL : Rule.DENY);
            int action = run(program, architecture.audit(), call, 0);
            int expected = switch (rule) {
                case DENY -> EPERM;
                case NO_SUCH_CALL -> ENOSYS;
                default -> ALLOW; // those that look at the argument allow 0
            };
            assertEquals(expected, action, architecture + " call " + call);
        }
        assertEquals(EPERM, run(program, 0x40000003, 1, 0), "a foreign ABI (i386)");
        assertEquals(ENOSYS, run(program, architecture.audit(), -1, 0));
        assertEquals(ENOSYS, run(program, architecture.audit(), 0x40000000, 0), "x32");
        assertEquals(EPERM, run(program, architecture.audit(), PROFILE.number("socket", architecture), 0x1_0000_0026L), "the kernel takes an int: AF_ALG all the same");
    }

    @ParameterizedTest
    @CsvSource({
        "clone, 0x10000000, EPERM", "clone, 0x00020000, EPERM", "clone, 0x003d0f00, ALLOW", "socket, 40, EPERM", "socket, 38, EPERM", "socket, 2, ALLOW",
        "personality, 0xffffffff, ALLOW", "personality, 0x0040000, EPERM", "personality, 8, ALLOW", "clone3, 0, ENOSYS", "unshare, 0, EPERM", "setns, 0, EPERM",
        "mount, 0, EPERM", "bpf, 0, EPERM", "ptrace, 0, ALLOW", "keyctl, 0, EPERM", "io_uring_setup, 0, EPERM", "chroot, 0, ALLOW", "openat, 0, ALLOW"
    })
    void argumentsAndCapabilitiesCount(String call, String argument, String expected) {
        for (Architecture architecture : Architecture.values()) {
            byte[] program = standard(architecture, Capability.DOCKER_DEFAULT);
            int action = run(program, architecture.audit(), PROFILE.number(call, architecture), Long.decode(argument));
            assertEquals(expected, action == ALLOW ? "ALLOW" : action == EPERM ? "EPERM" : action == ENOSYS ? "ENOSYS" : "?", architecture + " " + call);
        }
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void administratorsMayMountAndMakeNamespaces(Architecture architecture) {
        byte[] program = standard(architecture, Capability.SYS_ADMIN.mask());
        for (String call : new String[] {"mount", "unshare", "clone3", "setns", "bpf"}) {
            assertEquals(ALLOW, run(program, architecture.audit(), PROFILE.number(call, architecture), 0), call);
        }
        assertEquals(ALLOW, run(program, architecture.audit(), PROFILE.number("clone", architecture), 0x10000000));
        assertEquals(EPERM, run(program, architecture.audit(), PROFILE.number("reboot", architecture), 0));
    }

    @ParameterizedTest
    @CsvSource({"read, 3", "set_tls, 983045", "cacheflush, 983042"})
    void arm64RunsArmPrograms(String call, int number) {
        byte[] program = standard(Architecture.ARM64, Capability.DOCKER_DEFAULT);
        assertEquals(number, PROFILE.number(call, Architecture.ARM));
        assertEquals(ALLOW, run(program, Architecture.ARM.audit(), number, 0));
    }
}
