package dev.starling.netlink.nft;

import static dev.starling.netlink.nft.Expression.REGISTER_1;
import static dev.starling.netlink.nft.Expression.REGISTER_2;

import dev.starling.netlink.nft.Expression.Decide;
import dev.starling.netlink.nft.Expression.Hash;
import dev.starling.netlink.nft.Expression.Immediate;
import dev.starling.netlink.nft.Expression.Lookup;
import dev.starling.netlink.nft.Expression.Masquerade;
import dev.starling.netlink.nft.Expression.Meta;
import dev.starling.netlink.nft.Expression.MetaKey;
import dev.starling.netlink.nft.Expression.Nat;
import dev.starling.netlink.nft.Expression.Payload;
import dev.starling.netlink.nft.Expression.PayloadBase;
import dev.starling.netlink.nft.Expression.Untracked;
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
        return List.of(new Immediate(REGISTER_1, Data.address(address)), new Nat(Family.of(address), true, REGISTER_1, 0));
    }

    /** {@code dnat to ADDRESS:PORT} */
    public static List<Expression> destinationNat(String address, int port) {
        return List.of(new Immediate(REGISTER_1, Data.address(address)), new Immediate(REGISTER_2, Data.port(port)),
            new Nat(Family.of(address), true, REGISTER_1, REGISTER_2));
    }

    /** {@code ip daddr vmap @MAP}: what the map has for the destination; the next rule where it has nothing. */
    public static List<Expression> byDestination(Family family, String map) {
        return List.of(new Payload(PayloadBase.NETWORK, family.destinationOffset, family.addressLength, REGISTER_1),
            new Lookup(map, REGISTER_1, Expression.VERDICT_REGISTER));
    }

    /** {@code meta l4proto . th dport vmap @MAP} */
    public static List<Expression> byDestinationPort(String map) {
        return List.of(new Meta(MetaKey.PROTOCOL, REGISTER_1), new Payload(PayloadBase.TRANSPORT, 2, 2, Expression.REGISTER_1_SECOND_WORD),
            new Lookup(map, REGISTER_1, Expression.VERDICT_REGISTER));
    }

    /**
     * {@code dnat to jhash ip saddr mod BUCKETS seed SEED map @MAP}
     *
     * @param withPort whether the map has addresses and ports, or addresses only
     */
    public static List<Expression> destinationNatBySource(Family family, int buckets, int seed, String map, boolean withPort) {
        int port = family == Family.IPV4 ? Expression.REGISTER_1_SECOND_WORD : REGISTER_2; // behind the address
        return List.of(new Payload(PayloadBase.NETWORK, family.sourceOffset, family.addressLength, REGISTER_1),
            new Hash(REGISTER_1, family.addressLength, seed, buckets, REGISTER_1),
            new Lookup(map, REGISTER_1, REGISTER_1), new Nat(family, true, REGISTER_1, withPort ? port : 0));
    }

    /** {@code snat to ADDRESS} */
    public static List<Expression> sourceNat(String address) {
        return List.of(new Immediate(REGISTER_1, Data.address(address)), new Nat(Family.of(address), false, REGISTER_1, 0));
    }

    public static List<Expression> masquerade() {
        return List.of(new Masquerade());
    }

    /** {@code notrack}: connection tracking passes the packet over. Before connection tracking only. */
    public static List<Expression> untracked() {
        return List.of(new Untracked());
    }

    private Action() {}
}
