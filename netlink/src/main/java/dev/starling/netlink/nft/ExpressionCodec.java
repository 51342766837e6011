package dev.starling.netlink.nft;

import dev.starling.netlink.Attributes;
import dev.starling.netlink.MessageWriter;
import java.nio.ByteBuffer;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;

/**
 * Expressions on the wire: {@code NFTA_LIST_ELEM { NFTA_EXPR_NAME, NFTA_EXPR_DATA {...} }}. All integers are big-endian. The numbers in each
 * method are the attributes of linux/netfilter/nf_tables.h, in that order:
 *
 * <pre>
 * meta       NFTA_META_DREG 1, _KEY 2
 * payload    NFTA_PAYLOAD_DREG 1, _BASE 2, _OFFSET 3, _LEN 4
 * ct         NFTA_CT_DREG 1, _KEY 2
 * fib        NFTA_FIB_DREG 1, _RESULT 2 (addrtype: 3), _FLAGS 3 (destination: 2, input device: 8)
 * numgen     NFTA_NG_DREG 1, _MODULUS 2, _TYPE 3 (random: 1), _OFFSET 4
 * hash       NFTA_HASH_SREG 1, _DREG 2, _LEN 3, _MODULUS 4, _SEED 5, _OFFSET 6, _TYPE 7 (jenkins: 0)
 * lookup     NFTA_LOOKUP_SET 1, _SREG 2, _DREG 3, _SET_ID 4, _FLAGS 5 (inverted: 1)
 * bitwise    NFTA_BITWISE_SREG 1, _DREG 2, _LEN 3, _MASK 4 {data}, _XOR 5 {data}
 * cmp        NFTA_CMP_SREG 1, _OP 2 (eq 0, neq 1), _DATA 3 {data}
 * immediate  NFTA_IMMEDIATE_DREG 1, _DATA 2 {data}
 * nat        NFTA_NAT_TYPE 1 (snat 0, dnat 1), _FAMILY 2, _REG_ADDR_MIN 3, _REG_PROTO_MIN 5
 * data       NFTA_DATA_VALUE 1, or _VERDICT 2 { NFTA_VERDICT_CODE 1, _CHAIN 2 }
 * </pre>
 *
 * The kernel gives back what it was given and now and then more (a range's upper end, flags); readers look at these attributes only.
 */
final class ExpressionCodec {
    static final int ELEMENT = 1;
    static final int DATA_VALUE = 1;
    static final int DATA_VERDICT = 2;
    private static final int NAME = 1;
    private static final int DATA = 2;
    private static final int FIB_ADDRTYPE = 3;
    private static final int FIB_DESTINATION = 2;
    private static final int FIB_INPUT_DEVICE = 8;
    private static final int NUMGEN_RANDOM = 1;
    private static final int HASH_JENKINS = 0;

    static void write(MessageWriter list, Expression expression) {
        if (expression instanceof Expression.Meta meta) {
            element(list, "meta", data -> data.attributeBe32(1, meta.register()).attributeBe32(2, meta.key().number));
        } else if (expression instanceof Expression.Payload payload) {
            element(list, "payload", data -> data.attributeBe32(1, payload.register()).attributeBe32(2, payload.base().number)
                .attributeBe32(3, payload.offset()).attributeBe32(4, payload.length()));
        } else if (expression instanceof Expression.Conntrack conntrack) {
            element(list, "ct", data -> data.attributeBe32(1, conntrack.register()).attributeBe32(2, conntrack.key().number));
        } else if (expression instanceof Expression.DestinationType type) {
            int flags = FIB_DESTINATION | (type.onInputDevice() ? FIB_INPUT_DEVICE : 0);
            element(list, "fib", data -> data.attributeBe32(1, type.register()).attributeBe32(2, FIB_ADDRTYPE).attributeBe32(3, flags));
        } else if (expression instanceof Expression.RandomNumber random) {
            element(list, "numgen", data -> data.attributeBe32(1, random.register()).attributeBe32(2, random.modulus())
                .attributeBe32(3, NUMGEN_RANDOM).attributeBe32(4, 0));
        } else if (expression instanceof Expression.Hash hash) {
            element(list, "hash", data -> data.attributeBe32(1, hash.source()).attributeBe32(2, hash.register()).attributeBe32(3, hash.length())
                .attributeBe32(4, hash.modulus()).attributeBe32(5, hash.seed()).attributeBe32(7, HASH_JENKINS));
        } else if (expression instanceof Expression.Lookup lookup) {
            element(list, "lookup", data -> {
                data.attribute(1, lookup.set()).attributeBe32(2, lookup.source());
                if (lookup.target() != Expression.NO_REGISTER) {
                    data.attributeBe32(3, lookup.target());
                }
            });
        } else if (expression instanceof Expression.Mask mask) {
            int length = mask.mask().bytes().length;
            element(list, "bitwise", data -> data.attributeBe32(1, mask.register()).attributeBe32(2, mask.register()).attributeBe32(3, length)
                .nest(4, value -> value.attribute(DATA_VALUE, mask.mask().bytes())).nest(5, value -> value.attribute(DATA_VALUE, new byte[length])));
        } else if (expression instanceof Expression.Compare compare) {
            element(list, "cmp", data -> data.attributeBe32(1, compare.register()).attributeBe32(2, compare.equal() ? 0 : 1)
                .nest(3, value -> value.attribute(DATA_VALUE, compare.data().bytes())));
        } else if (expression instanceof Expression.Immediate immediate) {
            element(list, "immediate", data -> data.attributeBe32(1, immediate.register())
                .nest(2, value -> value.attribute(DATA_VALUE, immediate.data().bytes())));
        } else if (expression instanceof Expression.Decide decide) {
            element(list, "immediate", data -> data.attributeBe32(1, 0).nest(2, value -> value.nest(DATA_VERDICT, verdict -> verdict(verdict, decide))));
        } else if (expression instanceof Expression.Nat nat) {
            element(list, "nat", data -> {
                data.attributeBe32(1, nat.destination() ? 1 : 0).attributeBe32(2, nat.family().number).attributeBe32(3, nat.addressRegister());
                if (nat.portRegister() != 0) {
                    data.attributeBe32(5, nat.portRegister());
                }
            });
        } else if (expression instanceof Expression.Masquerade) {
            element(list, "masq", data -> { });
        } else if (expression instanceof Expression.Untracked) {
            element(list, "notrack", data -> { });
        } else {
            throw new IllegalArgumentException("not for writing: " + expression);
        }
    }

    private static void element(MessageWriter list, String name, Consumer<MessageWriter> data) {
        list.nest(ELEMENT, element -> element.attribute(NAME, name).nest(DATA, data));
    }

    /** What {@code NFTA_DATA_VERDICT} holds, in rules and in verdict maps. */
    static void verdict(MessageWriter writer, Expression.Decide decide) {
        writer.attributeBe32(1, decide.verdict().number);
        if (!decide.chain().isEmpty()) {
            writer.attribute(2, decide.chain());
        }
    }

    /** @param payload of one {@code NFTA_LIST_ELEM} */
    static Expression read(ByteBuffer payload) {
        Attributes element = Attributes.parse(payload, 0);
        String name = element.string(NAME);
        Attributes data = element.nested(DATA);
        Expression known = switch (name) {
            case "meta" -> {
                Expression.MetaKey key = find(Expression.MetaKey.values(), value -> value.number, data.be32(2, -1));
                yield key == null || data.has(3) ? null : new Expression.Meta(key, data.be32(1, 0));
            }
            case "payload" -> {
                Expression.PayloadBase base = find(Expression.PayloadBase.values(), value -> value.number, data.be32(2, -1));
                yield base == null ? null : new Expression.Payload(base, data.be32(3, 0), data.be32(4, 0), data.be32(1, 0));
            }
            case "ct" -> {
                Expression.ConntrackKey key = find(Expression.ConntrackKey.values(), value -> value.number, data.be32(2, -1));
                yield key == null ? null : new Expression.Conntrack(key, data.be32(1, 0));
            }
            case "fib" -> fib(data);
            case "numgen" -> data.be32(3, -1) == NUMGEN_RANDOM && data.be32(4, 0) == 0
                ? new Expression.RandomNumber(data.be32(2, 0), data.be32(1, 0)) : null;
            case "hash" -> data.be32(6, 0) == 0 && data.be32(7, HASH_JENKINS) == HASH_JENKINS
                ? new Expression.Hash(data.be32(1, 0), data.be32(3, 0), data.be32(5, 0), data.be32(4, 0), data.be32(2, 0)) : null;
            case "lookup" -> data.be32(5, 0) == 0
                ? new Expression.Lookup(data.string(1), data.be32(2, 0), data.be32(3, Expression.NO_REGISTER)) : null;
            case "bitwise" -> data.be32(1, 0) == data.be32(2, 0) ? new Expression.Mask(data.be32(1, 0), value(data.nested(4))) : null;
            case "cmp" -> data.be32(2, -1) >> 1 == 0 ? new Expression.Compare(data.be32(1, 0), data.be32(2, 0) == 0, value(data.nested(3))) : null;
            case "immediate" -> immediate(data);
            case "nat" -> {
                Family family = find(Family.values(), value -> value.number, data.be32(2, -1));
                yield family == null ? null : new Expression.Nat(family, data.be32(1, 0) == 1, data.be32(3, 0), data.be32(5, 0));
            }
            case "masq" -> data.all().isEmpty() ? new Expression.Masquerade() : null;
            case "notrack" -> new Expression.Untracked();
            default -> null;
        };
        return known != null ? known : new Expression.Foreign(name);
    }

    private static Expression fib(Attributes data) {
        int flags = data.be32(3, 0);
        boolean destination = (flags & ~FIB_INPUT_DEVICE) == FIB_DESTINATION && data.be32(2, 0) == FIB_ADDRTYPE;
        return destination ? new Expression.DestinationType((flags & FIB_INPUT_DEVICE) != 0, data.be32(1, 0)) : null;
    }

    private static Expression immediate(Attributes data) {
        Attributes value = data.nested(2);
        if (!value.has(DATA_VERDICT)) {
            return new Expression.Immediate(data.be32(1, 0), value(value));
        }
        return verdict(value.nested(DATA_VERDICT));
    }

    /** null where it is none of ours. */
    static Expression.Decide verdict(Attributes verdict) {
        Expression.Verdict code = find(Expression.Verdict.values(), known -> known.number, verdict.be32(1, Integer.MIN_VALUE));
        return code == null ? null : new Expression.Decide(code, verdict.string(2));
    }

    static Data value(Attributes data) {
        return Data.of(data.bytes(DATA_VALUE));
    }

    private static <E> E find(E[] values, ToIntFunction<E> number, int wanted) {
        for (E value : values) {
            if (number.applyAsInt(value) == wanted) {
                return value;
            }
        }
        return null;
    }

    private ExpressionCodec() {}
}
