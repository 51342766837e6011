package dev.starling.netlink.nft;

import static dev.starling.netlink.nft.Expression.REGISTER_1;
import static dev.starling.netlink.nft.Expression.REGISTER_2;

import dev.starling.netlink.nft.Expression.Decide;
import dev.starling.netlink.nft.Expression.Immediate;
import dev.starling.netlink.nft.Expression.Masquerade;
import dev.starling.netlink.nft.Expression.Nat;
import dev.starling.netlink.nft.Expression.Verdict;
import java.util.List;

/** What a rule does, in nft's words. */
public final class Action {
    public static List<Expression> accept() {
        return List.of(new Decide(Verdict.ACCEPT, ""));
    }

    public static List<Expression> drop() {
        return List.of(new Decide(Verdict.DROP, ""));
    }

    /** {@code return}: no more of this chain. */
    public static List<Expression> leave() {
        return List.of(new Decide(Verdict.RETURN, ""));
    }

    public static List<Expression> jump(String chain) {
        return List.of(new Decide(Verdict.JUMP, chain));
    }

    /** {@code goto}: jump, and do not come back here. */
    public static List<Expression> moveTo(String chain) {
        return List.of(new Decide(Verdict.GOTO, chain));
    }

    /** {@code dnat to ADDRESS} */
    public static List<Expression> destinationNat(String address) {
        return List.of(new Immediate(REGISTER_1, Data.address(address)), new Nat(true, REGISTER_1, 0));
    }

    /** {@code dnat to ADDRESS:PORT} */
    public static List<Expression> destinationNat(String address, int port) {
        return List.of(new Immediate(REGISTER_1, Data.address(address)), new Immediate(REGISTER_2, Data.port(port)), new Nat(true, REGISTER_1, REGISTER_2));
    }

    /** {@code snat to ADDRESS} */
    public static List<Expression> sourceNat(String address) {
        return List.of(new Immediate(REGISTER_1, Data.address(address)), new Nat(false, REGISTER_1, 0));
    }

    public static List<Expression> masquerade() {
        return List.of(new Masquerade());
    }

    private Action() {}
}
