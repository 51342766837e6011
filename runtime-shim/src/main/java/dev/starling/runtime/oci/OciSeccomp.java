package dev.starling.runtime.oci;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.seccomp.SyscallRules;
import dev.starling.runtime.seccomp.SyscallRules.Action;
import dev.starling.runtime.seccomp.SyscallRules.Condition;
import dev.starling.runtime.seccomp.SyscallRules.Statement;
import java.math.BigInteger;
import java.util.List;

/** Rules for system calls as {@code linux.seccomp} of an OCI configuration. */
final class OciSeccomp {
    private OciSeccomp() {}

    static ObjectNode json(SyscallRules rules, Architecture machine) {
        ObjectNode seccomp = JsonNodeFactory.instance.objectNode();
        putAction(seccomp, "defaultAction", "defaultErrnoRet", rules.otherwise());
        (rules.architectures().isEmpty() ? architectures(machine) : rules.architectures()).forEach(seccomp.putArray("architectures")::add);
        ArrayNode statements = seccomp.putArray("syscalls");
        for (Statement statement : rules.statements()) {
            ObjectNode node = statements.addObject();
            statement.names().forEach(node.putArray("names")::add);
            putAction(node, "action", "errnoRet", statement.action());
            if (statement.conditions().isEmpty()) {
                continue;
            }
            ArrayNode arguments = node.putArray("args");
            for (Condition condition : statement.conditions()) {
                putCondition(arguments.addObject(), condition);
            }
        }
        return seccomp;
    }

    private static void putAction(ObjectNode node, String name, String errnoName, Action action) {
        node.put(name, "SCMP_ACT_" + action.kind());
        if (action.kind() == Action.Kind.ERRNO || action.kind() == Action.Kind.TRACE) {
            node.put(errnoName, action.data());
        }
    }

    private static void putCondition(ObjectNode node, Condition condition) {
        boolean masked = condition.operator() == Condition.Operator.MASKED_EQ;
        node.put("index", condition.index()).put("op", "SCMP_CMP_" + condition.operator());
        node.put("value", unsigned(masked ? condition.mask() : condition.value())).put("valueTwo", unsigned(masked ? condition.value() : 0));
    }

    private static BigInteger unsigned(long bits) {
        return new BigInteger(Long.toUnsignedString(bits));
    }

    /** A 64-bit ARM machine runs 32-bit containers too; i386 programs do not run, as without an OCI runtime. */
    private static List<String> architectures(Architecture machine) {
        return switch (machine) {
            case X86_64 -> List.of("SCMP_ARCH_X86_64");
            case ARM64 -> List.of("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM");
            case ARM -> List.of("SCMP_ARCH_ARM");
        };
    }
}
