package dev.starling.netlink.nft;

import static dev.starling.netlink.nft.Expression.REGISTER_1;

import dev.starling.netlink.nft.Expression.Compare;
import dev.starling.netlink.nft.Expression.Conntrack;
import dev.starling.netlink.nft.Expression.ConntrackKey;
import dev.starling.netlink.nft.Expression.DestinationType;
import dev.starling.netlink.nft.Expression.Lookup;
import dev.starling.netlink.nft.Expression.Mask;
import dev.starling.netlink.nft.Expression.Meta;
import dev.starling.netlink.nft.Expression.MetaKey;
import dev.starling.netlink.nft.Expression.Payload;
import dev.starling.netlink.nft.Expression.PayloadBase;
import dev.starling.netlink.nft.Expression.RandomNumber;
import java.util.ArrayList;
import java.util.List;

/** Conditions of a rule, in nft's words. */
public final class Match {
    private static final int RTN_LOCAL = 2;
    private static final int IPS_DST_NAT = 1 << 5;
    private static final int ESTABLISHED_OR_RELATED = 2 | 4;

    /** {@code iifname "NAME"} */
    public static List<Expression> inputDevice(String name) {
        return List.of(new Meta(MetaKey.INPUT_NAME, REGISTER_1), new Compare(REGISTER_1, true, Data.deviceName(name)));
    }

    /** {@code iifname "PREFIX*"} */
    public static List<Expression> inputDevices(String prefix) {
        return List.of(new Meta(MetaKey.INPUT_NAME, REGISTER_1), new Compare(REGISTER_1, true, Data.deviceNamePrefix(prefix)));
    }

    /** {@code oifname "NAME"} */
    public static List<Expression> outputDevice(String name) {
        return List.of(new Meta(MetaKey.OUTPUT_NAME, REGISTER_1), new Compare(REGISTER_1, true, Data.deviceName(name)));
    }

    /** {@code oifname "PREFIX*"} */
    public static List<Expression> outputDevices(String prefix) {
        return List.of(new Meta(MetaKey.OUTPUT_NAME, REGISTER_1), new Compare(REGISTER_1, true, Data.deviceNamePrefix(prefix)));
    }

    /** {@code oifname != "PREFIX*"} */
    public static List<Expression> outputDevicesOtherThan(String prefix) {
        return List.of(new Meta(MetaKey.OUTPUT_NAME, REGISTER_1), new Compare(REGISTER_1, false, Data.deviceNamePrefix(prefix)));
    }

    /** {@code ip saddr ADDRESS/PREFIX} */
    public static List<Expression> source(String cidr) {
        return address(Family.of(cidr).sourceOffset, cidr);
    }

    /** {@code ip daddr ADDRESS/PREFIX} */
    public static List<Expression> destination(String cidr) {
        return address(Family.of(cidr).destinationOffset, cidr);
    }

    private static List<Expression> address(int offset, String cidr) {
        int slash = cidr.indexOf('/');
        Family family = Family.of(cidr);
        int prefix = slash < 0 ? family.addressBits() : Integer.parseInt(cidr.substring(slash + 1));
        List<Expression> expressions = new ArrayList<>(subnet(family, offset, prefix));
        expressions.add(new Compare(REGISTER_1, true, Data.subnet(slash < 0 ? cidr : cidr.substring(0, slash), prefix)));
        return expressions;
    }

    private static List<Expression> subnet(Family family, int offset, int prefix) {
        Expression address = new Payload(PayloadBase.NETWORK, offset, family.addressLength, REGISTER_1);
        return prefix == family.addressBits() ? List.of(address) : List.of(address, new Mask(REGISTER_1, Data.mask(family, prefix)));
    }

    /** {@code ip saddr & MASK @SET}: of a subnet that is in a set of subnets of this length. */
    public static List<Expression> sourceSubnetIn(Family family, int prefix, String set) {
        List<Expression> expressions = new ArrayList<>(subnet(family, family.sourceOffset, prefix));
        expressions.add(new Lookup(set, REGISTER_1, Expression.NO_REGISTER));
        return expressions;
    }

    /** {@code ip daddr @SET} */
    public static List<Expression> destinationIn(Family family, String set) {
        return List.of(new Payload(PayloadBase.NETWORK, family.destinationOffset, family.addressLength, REGISTER_1),
            new Lookup(set, REGISTER_1, Expression.NO_REGISTER));
    }

    /** {@code iifname @SET} */
    public static List<Expression> inputDeviceIn(String set) {
        return List.of(new Meta(MetaKey.INPUT_NAME, REGISTER_1), new Lookup(set, REGISTER_1, Expression.NO_REGISTER));
    }

    /** {@code meta l4proto PROTOCOL th dport PORT} */
    public static List<Expression> destinationPort(Transport transport, int port) {
        return List.of(new Meta(MetaKey.PROTOCOL, REGISTER_1), new Compare(REGISTER_1, true, Data.octet(transport.number())),
            new Payload(PayloadBase.TRANSPORT, 2, 2, REGISTER_1), new Compare(REGISTER_1, true, Data.port(port)));
    }

    /** {@code fib daddr type local} */
    public static List<Expression> destinationIsThisHost() {
        return List.of(new DestinationType(false, REGISTER_1), new Compare(REGISTER_1, true, Data.number(RTN_LOCAL)));
    }

    /** {@code fib daddr . iif type local}: an address of the very device that the packet came by. */
    public static List<Expression> destinationIsInputDevice() {
        return List.of(new DestinationType(true, REGISTER_1), new Compare(REGISTER_1, true, Data.number(RTN_LOCAL)));
    }

    /** {@code ct status dnat} */
    public static List<Expression> hasDestinationNat() {
        return List.of(new Conntrack(ConntrackKey.STATUS, REGISTER_1), new Mask(REGISTER_1, Data.number(IPS_DST_NAT)),
            new Compare(REGISTER_1, false, Data.number(0)));
    }

    /** {@code ct state established,related} */
    public static List<Expression> knownFlow() {
        return List.of(new Conntrack(ConntrackKey.STATE, REGISTER_1), new Mask(REGISTER_1, Data.number(ESTABLISHED_OR_RELATED)),
            new Compare(REGISTER_1, false, Data.number(0)));
    }

    /** {@code numgen random mod N == 0}; nothing where N is 1. */
    public static List<Expression> oneOf(int n) {
        return n <= 1 ? List.of() : List.of(new RandomNumber(n, REGISTER_1), new Compare(REGISTER_1, true, Data.number(0)));
    }

    private Match() {}
}
