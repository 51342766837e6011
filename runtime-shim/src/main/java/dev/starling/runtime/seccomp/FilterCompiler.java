package dev.starling.runtime.seccomp;

import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.seccomp.SeccompProfile.Rule;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;

/**
 * Compiles rules to a classic BPF program for {@code seccomp(2)}.
 *
 * <p>The program looks at {@code struct seccomp_data}: architecture, then the number by binary search over ranges of equal rules (about
 * eight comparisons a call), then the first argument where the rule asks for it:
 *
 * <pre>
 *   load arch;  if X86_64: load nr; if nr >= 163 ... allow | errno      (each architecture a tree of its own)
 *   otherwise: EPERM                                                    (a foreign ABI: i386 programs do not run)
 * </pre>
 *
 * A 64-bit ARM machine runs 32-bit containers too, so its program has both trees.
 */
public final class FilterCompiler {
    private static final int LOAD_WORD = 0x20;
    private static final int JUMP_ALWAYS = 0x05;
    private static final int JUMP_EQUAL = 0x15;
    private static final int JUMP_GREATER_OR_EQUAL = 0x35;
    private static final int AND = 0x54;
    private static final int RETURN = 0x06;

    private static final int OFFSET_NUMBER = 0;
    private static final int OFFSET_ARCHITECTURE = 4;
    private static final int OFFSET_FIRST_ARGUMENT_LOW = 16; // all our architectures are little endian

    private static final int RETURN_ALLOW = 0x7fff0000;
    private static final int RETURN_ERRNO = 0x00050000;
    private static final int EPERM = 1;
    private static final int ENOSYS = 38;

    /** NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET */
    static final int NAMESPACE_FLAGS = 0x7E020000;
    static final int AF_ALG = 38;
    static final int AF_VSOCK = 40;
    static final int[] HARMLESS_PERSONALITIES = {0, 0x0008, 0x20000, 0x20008, 0xffffffff};
    /** ARM has private calls from 0x0f0000 on; "newer than we know" is judged by the ordinary ones. */
    private static final int ORDINARY_CALLS_END = 0x10000;

    private record Instruction(int code, int jumpTrue, int jumpFalse, int operand) {
        Instruction {
            if (jumpTrue > 255 || jumpFalse > 255) throw new IllegalArgumentException("BPF jump too far");
        }
    }

    /** Call numbers from {@code first} up to the next range's first. */
    private record Range(int first, Rule rule) {}

    private FilterCompiler() {}

    /** @return {@code struct sock_filter[]}, 8 bytes each */
    public static byte[] compile(SeccompProfile profile, Architecture machine, long capabilities) {
        List<Architecture> accepted =
                machine == Architecture.ARM64 ? List.of(Architecture.ARM64, Architecture.ARM) : List.of(machine);
        List<Instruction> program = new ArrayList<>();
        program.add(new Instruction(LOAD_WORD, 0, 0, OFFSET_ARCHITECTURE));
        for (Architecture architecture : accepted) {
            List<Instruction> body = new ArrayList<>();
            body.add(new Instruction(LOAD_WORD, 0, 0, OFFSET_NUMBER));
            List<Range> ranges = ranges(profile.rules(architecture, capabilities));
            body.addAll(search(ranges, 0, ranges.size()));
            program.add(new Instruction(JUMP_EQUAL, 1, 0, architecture.audit()));
            program.add(new Instruction(JUMP_ALWAYS, 0, 0, body.size()));
            program.addAll(body);
        }
        program.add(new Instruction(RETURN, 0, 0, RETURN_ERRNO | EPERM));
        return encode(program);
    }

    private static List<Range> ranges(SortedMap<Integer, Rule> rules) {
        int lastOrdinary = rules.headMap(ORDINARY_CALLS_END).lastKey();
        List<Range> ranges = new ArrayList<>();
        int next = 0;
        for (SortedMap.Entry<Integer, Rule> entry : rules.entrySet()) {
            if (entry.getKey() > next) add(ranges, next, next > lastOrdinary ? Rule.NO_SUCH_CALL : Rule.DENY);
            add(ranges, entry.getKey(), entry.getValue());
            next = entry.getKey() + 1;
        }
        add(ranges, next, Rule.NO_SUCH_CALL);
        return ranges;
    }

    private static void add(List<Range> ranges, int first, Rule rule) {
        if (ranges.isEmpty() || ranges.get(ranges.size() - 1).rule != rule) ranges.add(new Range(first, rule));
    }

    private static List<Instruction> search(List<Range> ranges, int from, int to) {
        if (to - from == 1) return leaf(ranges.get(from).rule);
        int middle = (from + to) >>> 1;
        List<Instruction> below = search(ranges, from, middle);
        List<Instruction> above = search(ranges, middle, to);
        int boundary = ranges.get(middle).first;
        List<Instruction> code = new ArrayList<>();
        if (below.size() <= 255) {
            code.add(new Instruction(JUMP_GREATER_OR_EQUAL, below.size(), 0, boundary));
        } else {
            code.add(new Instruction(JUMP_GREATER_OR_EQUAL, 0, 1, boundary));
            code.add(new Instruction(JUMP_ALWAYS, 0, 0, below.size()));
        }
        code.addAll(below);
        code.addAll(above);
        return code;
    }

    private static List<Instruction> leaf(Rule rule) {
        Instruction allow = new Instruction(RETURN, 0, 0, RETURN_ALLOW);
        Instruction deny = new Instruction(RETURN, 0, 0, RETURN_ERRNO | EPERM);
        Instruction loadArgument = new Instruction(LOAD_WORD, 0, 0, OFFSET_FIRST_ARGUMENT_LOW);
        return switch (rule) {
            case ALLOW -> List.of(allow);
            case DENY -> List.of(deny);
            case NO_SUCH_CALL -> List.of(new Instruction(RETURN, 0, 0, RETURN_ERRNO | ENOSYS));
            case CLONE_WITHOUT_NAMESPACES -> List.of(
                    loadArgument, new Instruction(AND, 0, 0, NAMESPACE_FLAGS), new Instruction(JUMP_EQUAL, 0, 1, 0), allow, deny);
            case SOCKET_BUT_NOT_VSOCK_OR_ALG -> List.of(
                    loadArgument, new Instruction(JUMP_EQUAL, 2, 0, AF_ALG), new Instruction(JUMP_EQUAL, 1, 0, AF_VSOCK), allow, deny);
            case HARMLESS_PERSONALITY -> {
                List<Instruction> code = new ArrayList<>();
                code.add(loadArgument);
                for (int i = 0; i < HARMLESS_PERSONALITIES.length; i++) {
                    code.add(new Instruction(JUMP_EQUAL, HARMLESS_PERSONALITIES.length - i, 0, HARMLESS_PERSONALITIES[i]));
                }
                code.add(deny);
                code.add(allow);
                yield code;
            }
        };
    }

    private static byte[] encode(List<Instruction> program) {
        ByteBuffer bytes = ByteBuffer.allocate(program.size() * 8).order(ByteOrder.LITTLE_ENDIAN);
        for (Instruction instruction : program) {
            bytes.putShort((short) instruction.code).put((byte) instruction.jumpTrue).put((byte) instruction.jumpFalse).putInt(instruction.operand);
        }
        return bytes.array();
    }
}
