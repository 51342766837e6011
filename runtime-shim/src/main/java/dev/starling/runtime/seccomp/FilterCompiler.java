package dev.starling.runtime.seccomp;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.seccomp.SyscallRules.Action;
import dev.starling.runtime.seccomp.SyscallRules.Condition;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;

/**
 * Compiles rules to a classic BPF program for {@code seccomp(2)}.
 *
 * <p>The program looks at {@code struct seccomp_data}: architecture, then the number by binary search over ranges of equal rules (about
 * eight comparisons a call), then the arguments where the rule asks for them:
 *
 * <pre>
 *   load arch;  if X86_64: load nr; if nr >= 163 ... allow | errno      (each architecture a tree of its own)
 *   otherwise: EPERM                                                    (a foreign ABI: i386 programs do not run)
 * </pre>
 */
final class FilterCompiler {
    /** BPF_MAXINSNS */
    private static final int MOST_INSTRUCTIONS = 4096;

    private static final int LOAD_WORD = 0x20;
    private static final int JUMP_ALWAYS = 0x05;
    private static final int JUMP_EQUAL = 0x15;
    private static final int JUMP_GREATER = 0x25;
    private static final int JUMP_GREATER_OR_EQUAL = 0x35;
    private static final int AND = 0x54;
    private static final int RETURN = 0x06;

    private static final int OFFSET_NUMBER = 0;
    private static final int OFFSET_ARCHITECTURE = 4;
    private static final int OFFSET_ARGUMENTS = 16; // 8 bytes each; all our architectures are little endian

    /** ARM has private calls from 0x0f0000 on; "newer than we know" is judged by the ordinary ones. */
    private static final int ORDINARY_CALLS_END = 0x10000;
    /** With this bit a call of x86_64 is one of x32, another ABI with other numbers. No other architecture of ours goes so far. */
    private static final int FOREIGN_NUMBERS = 0x40000000;

    /** What a program of one architecture may do. @param unknown numbers between those known; {@code newer} above the highest ordinary one */
    record Abi(Architecture architecture, SortedMap<Integer, Verdict> verdicts, Verdict unknown, Verdict newer) {}

    private record Instruction(int code, int jumpTrue, int jumpFalse, int operand) {
        Instruction {
            if (jumpTrue > 255 || jumpFalse > 255) {
                throw new IllegalArgumentException("BPF jump too far");
            }
        }
    }

    /** Call numbers from {@code first} up to the next range's first. */
    private record Range(int first, Verdict verdict) {}

    private FilterCompiler() {}

    /** @return {@code struct sock_filter[]}, 8 bytes each. @throws RuntimeShimException INVALID where the kernel would not take so long a program */
    static byte[] compile(List<Abi> accepted) {
        List<Instruction> program = new ArrayList<>();
        program.add(new Instruction(LOAD_WORD, 0, 0, OFFSET_ARCHITECTURE));
        for (Abi abi : accepted) {
            List<Instruction> body = new ArrayList<>();
            body.add(new Instruction(LOAD_WORD, 0, 0, OFFSET_NUMBER));
            List<Range> ranges = ranges(abi);
            body.addAll(search(ranges, 0, ranges.size()));
            program.add(new Instruction(JUMP_EQUAL, 1, 0, abi.architecture.audit()));
            program.add(new Instruction(JUMP_ALWAYS, 0, 0, body.size()));
            program.addAll(body);
        }
        program.add(decide(Action.EPERM));
        if (program.size() > MOST_INSTRUCTIONS) {
            throw RuntimeShimException.invalid("seccomp profile: becomes a filter of " + program.size() + " instructions, and the kernel takes " + MOST_INSTRUCTIONS
                    + ": fewer conditions on arguments make it shorter");
        }
        return encode(program);
    }

    private static List<Range> ranges(Abi abi) {
        SortedMap<Integer, Verdict> ordinary = abi.verdicts.headMap(ORDINARY_CALLS_END);
        int lastOrdinary = ordinary.isEmpty() ? -1 : ordinary.lastKey();
        List<Range> ranges = new ArrayList<>();
        int next = 0;
        for (SortedMap.Entry<Integer, Verdict> entry : abi.verdicts.entrySet()) {
            if (entry.getKey() > next) {
                add(ranges, next, next > lastOrdinary ? abi.newer : abi.unknown);
            }
            add(ranges, entry.getKey(), entry.getValue());
            next = entry.getKey() + 1;
        }
        add(ranges, next, abi.newer);
        add(ranges, FOREIGN_NUMBERS, Verdict.NO_SUCH_CALL);
        return ranges;
    }

    private static void add(List<Range> ranges, int first, Verdict verdict) {
        if (ranges.isEmpty() || !ranges.get(ranges.size() - 1).verdict.equals(verdict)) {
            ranges.add(new Range(first, verdict));
        }
    }

    private static List<Instruction> search(List<Range> ranges, int from, int to) {
        if (to - from == 1) {
            return leaf(ranges.get(from).verdict);
        }
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

    private static List<Instruction> leaf(Verdict verdict) {
        List<Instruction> code = new ArrayList<>();
        for (Verdict.Case each : verdict.cases()) {
            code.addAll(conditional(each));
        }
        code.add(decide(verdict.otherwise()));
        return code;
    }

    /** From behind, so that each condition knows how far it is to the end, where a case goes on that does not hold. */
    private static List<Instruction> conditional(Verdict.Case each) {
        List<Instruction> code = new ArrayList<>();
        code.add(decide(each.action()));
        for (int i = each.conditions().size() - 1; i >= 0; i--) {
            code.addAll(0, test(each.conditions().get(i), code.size()));
        }
        return code;
    }

    /** Falls through where it holds, else jumps over {@code rest} further instructions. A 64-bit comparison in a machine of 32 bits: the upper half first. */
    private static List<Instruction> test(Condition condition, int rest) {
        int lowOffset = OFFSET_ARGUMENTS + 8 * condition.index();
        Instruction loadLow = new Instruction(LOAD_WORD, 0, 0, lowOffset);
        Instruction loadHigh = new Instruction(LOAD_WORD, 0, 0, lowOffset + 4);
        int low = (int) condition.value();
        int high = (int) (condition.value() >>> 32);
        return switch (condition.operator()) {
            case EQ -> List.of(
                    loadHigh, new Instruction(JUMP_EQUAL, 0, rest + 2, high), loadLow, new Instruction(JUMP_EQUAL, 0, rest, low));
            case NE -> List.of(
                    loadHigh, new Instruction(JUMP_EQUAL, 0, 2, high), loadLow, new Instruction(JUMP_EQUAL, rest, 0, low));
            case GT -> List.of(
                    loadHigh, new Instruction(JUMP_GREATER, 3, 0, high), new Instruction(JUMP_EQUAL, 0, rest + 2, high),
                    loadLow, new Instruction(JUMP_GREATER, 0, rest, low));
            case GE -> List.of(
                    loadHigh, new Instruction(JUMP_GREATER, 3, 0, high), new Instruction(JUMP_EQUAL, 0, rest + 2, high),
                    loadLow, new Instruction(JUMP_GREATER_OR_EQUAL, 0, rest, low));
            case LT -> List.of(
                    loadHigh, new Instruction(JUMP_GREATER, rest + 3, 0, high), new Instruction(JUMP_EQUAL, 0, 2, high),
                    loadLow, new Instruction(JUMP_GREATER_OR_EQUAL, rest, 0, low));
            case LE -> List.of(
                    loadHigh, new Instruction(JUMP_GREATER, rest + 3, 0, high), new Instruction(JUMP_EQUAL, 0, 2, high),
                    loadLow, new Instruction(JUMP_GREATER, rest, 0, low));
            case MASKED_EQ -> {
                List<Instruction> code = new ArrayList<>(masked(loadLow, (int) condition.mask(), low, rest));
                code.addAll(0, masked(loadHigh, (int) (condition.mask() >>> 32), high, rest + code.size()));
                yield code;
            }
        };
    }

    private static List<Instruction> masked(Instruction load, int mask, int value, int rest) {
        if (mask == 0 && value == 0) {
            return List.of();
        }
        return List.of(load, new Instruction(AND, 0, 0, mask), new Instruction(JUMP_EQUAL, 0, rest, value));
    }

    private static Instruction decide(Action action) {
        int returned = switch (action.kind()) {
            case ALLOW -> 0x7fff0000;
            case LOG -> 0x7ffc0000;
            case TRACE -> 0x7ff00000 | action.data();
            case ERRNO -> 0x00050000 | action.data();
            case TRAP -> 0x00030000;
            case KILL_THREAD -> 0;
            case KILL_PROCESS -> 0x80000000;
        };
        return new Instruction(RETURN, 0, 0, returned);
    }

    private static byte[] encode(List<Instruction> program) {
        ByteBuffer bytes = ByteBuffer.allocate(program.size() * 8).order(ByteOrder.LITTLE_ENDIAN);
        for (Instruction instruction : program) {
            bytes.putShort((short) instruction.code).put((byte) instruction.jumpTrue).put((byte) instruction.jumpFalse).putInt(instruction.operand);
        }
        return bytes.array();
    }
}
