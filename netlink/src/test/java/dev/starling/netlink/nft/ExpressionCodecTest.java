package dev.starling.netlink.nft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.starling.netlink.Attributes;
import dev.starling.netlink.MessageWriter;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class ExpressionCodecTest {
    @Property(tries = 500)
    void whatIsWrittenIsRead(@ForAll("expressions") Expression expression) {
        assertEquals(expression, ExpressionCodec.read(ByteBuffer.wrap(written(expression)).position(4).slice().order(ByteOrder.nativeOrder())));
    }

    @Property(tries = 500)
    void aNaiveSecondEncoderAgrees(@ForAll("expressions") Expression expression) {
        assertEquals(HexFormat.of().formatHex(naive(expression)), HexFormat.of().formatHex(written(expression)));
    }

    @Property(tries = 300)
    void aSetsElementsAreReadAsWrittenAndANaiveSecondEncoderAgrees(@ForAll("elements") NamedSet.Element element) {
        MessageWriter list = new MessageWriter();
        NfSets.write(list, element);
        assertEquals(element, NfSets.element(Attributes.parse(ByteBuffer.wrap(list.toBytes()).position(4).slice().order(ByteOrder.nativeOrder()), 0)));
        byte[] value = !element.chain().isEmpty() ? attribute(0x8002, attribute(0x8002, concat(be(1, -4), attribute(2, text(element.chain())))))
            : element.value().equals(Data.NONE) ? new byte[0] : attribute(0x8002, attribute(1, element.value().bytes()));
        byte[] naive = attribute(0x8001, concat(attribute(0x8001, attribute(1, element.key().bytes())), value));
        assertEquals(HexFormat.of().formatHex(naive), HexFormat.of().formatHex(list.toBytes()));
    }

    @Test
    void whatIsNotOursIsForeign() {
        MessageWriter list = new MessageWriter();
        list.nest(1, element -> element.attribute(1, "counter").nest(2, data -> data.attributeBe32(1, 5)));
        Expression read = ExpressionCodec.read(ByteBuffer.wrap(list.toBytes()).position(4).slice().order(ByteOrder.nativeOrder()));
        assertEquals("counter", assertInstanceOf(Expression.Foreign.class, read).name());
    }

    private static byte[] written(Expression expression) {
        MessageWriter list = new MessageWriter();
        ExpressionCodec.write(list, expression);
        return list.toBytes();
    }

    private static byte[] naive(Expression expression) {
        if (expression instanceof Expression.Meta meta) {
            return element("meta", be(1, meta.register()), be(2, switch (meta.key()) {
                case INPUT_NAME -> 6;
                case OUTPUT_NAME -> 7;
                case PROTOCOL -> 16;
            }));
        } else if (expression instanceof Expression.Payload payload) {
            return element("payload", be(1, payload.register()), be(2, payload.base() == Expression.PayloadBase.NETWORK ? 1 : 2),
                be(3, payload.offset()), be(4, payload.length()));
        } else if (expression instanceof Expression.Conntrack conntrack) {
            return element("ct", be(1, conntrack.register()), be(2, conntrack.key() == Expression.ConntrackKey.STATE ? 0 : 2));
        } else if (expression instanceof Expression.DestinationType type) {
            return element("fib", be(1, type.register()), be(2, 3), be(3, type.onInputDevice() ? 10 : 2));
        } else if (expression instanceof Expression.RandomNumber random) {
            return element("numgen", be(1, random.register()), be(2, random.modulus()), be(3, 1), be(4, 0));
        } else if (expression instanceof Expression.Hash hash) {
            return element("hash", be(1, hash.source()), be(2, hash.register()), be(3, hash.length()), be(4, hash.modulus()), be(5, hash.seed()), be(7, 0));
        } else if (expression instanceof Expression.Lookup lookup) {
            return element("lookup", attribute(1, text(lookup.set())), be(2, lookup.source()),
                lookup.target() == Expression.NO_REGISTER ? new byte[0] : be(3, lookup.target()));
        } else if (expression instanceof Expression.Mask mask) {
            int length = mask.mask().bytes().length;
            return element("bitwise", be(1, mask.register()), be(2, mask.register()), be(3, length),
                attribute(0x8004, attribute(1, mask.mask().bytes())), attribute(0x8005, attribute(1, new byte[length])));
        } else if (expression instanceof Expression.Compare compare) {
            return element("cmp", be(1, compare.register()), be(2, compare.equal() ? 0 : 1), attribute(0x8003, attribute(1, compare.data().bytes())));
        } else if (expression instanceof Expression.Immediate immediate) {
            return element("immediate", be(1, immediate.register()), attribute(0x8002, attribute(1, immediate.data().bytes())));
        } else if (expression instanceof Expression.Decide decide) {
            byte[] code = be(1, switch (decide.verdict()) {
                case DROP -> 0;
                case ACCEPT -> 1;
                case JUMP -> -3;
                case GOTO -> -4;
                case RETURN -> -5;
            });
            byte[] chain = decide.chain().isEmpty() ? new byte[0] : attribute(2, text(decide.chain()));
            return element("immediate", be(1, 0), attribute(0x8002, attribute(0x8002, concat(code, chain))));
        } else if (expression instanceof Expression.Nat nat) {
            return element("nat", be(1, nat.destination() ? 1 : 0), be(2, nat.family() == Family.IPV4 ? 2 : 10), be(3, nat.addressRegister()),
                nat.portRegister() == 0 ? new byte[0] : be(5, nat.portRegister()));
        }
        return element(expression instanceof Expression.Untracked ? "notrack" : "masq");
    }

    private static byte[] element(String name, byte[]... data) {
        return attribute(0x8001, concat(attribute(1, text(name)), attribute(0x8002, concat(data))));
    }

    private static byte[] be(int type, int value) {
        return attribute(type, new byte[] {(byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value});
    }

    private static byte[] text(String value) {
        return (value + "\0").getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] attribute(int type, byte[] payload) {
        boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
        int length = payload.length + 4;
        byte[] out = new byte[length + (4 - length % 4) % 4];
        out[little ? 0 : 1] = (byte) length;
        out[little ? 1 : 0] = (byte) (length >> 8);
        out[little ? 2 : 3] = (byte) type;
        out[little ? 3 : 2] = (byte) (type >> 8);
        System.arraycopy(payload, 0, out, 4, payload.length);
        return out;
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    @Provide
    Arbitrary<NamedSet.Element> elements() {
        Arbitrary<Data> data = Arbitraries.bytes().array(byte[].class).ofMinSize(2).ofMaxSize(16).map(Data::of);
        Arbitrary<String> chain = Arbitraries.strings().withCharRange('a', 'z').ofMinLength(1).ofMaxLength(40);
        return Arbitraries.oneOf(data.map(NamedSet.Element::of), Combinators.combine(data, data).as(NamedSet.Element::of),
            Combinators.combine(data, chain).as(NamedSet.Element::moveTo));
    }

    @Provide
    Arbitrary<Expression> expressions() {
        Arbitrary<Integer> register = Arbitraries.of(1, 2, 3, 4);
        Arbitrary<Data> data = Arbitraries.bytes().array(byte[].class).ofMinSize(1).ofMaxSize(16).map(Data::of);
        Arbitrary<String> chain = Arbitraries.strings().withCharRange('a', 'z').ofMinLength(1).ofMaxLength(40);
        return Arbitraries.oneOf(
            Combinators.combine(Arbitraries.of(Expression.MetaKey.values()), register).as(Expression.Meta::new),
            Combinators.combine(Arbitraries.of(Expression.PayloadBase.values()), Arbitraries.integers().between(0, 60),
                Arbitraries.integers().between(1, 16), register).as(Expression.Payload::new),
            Combinators.combine(Arbitraries.of(Expression.ConntrackKey.values()), register).as(Expression.Conntrack::new),
            Combinators.combine(Arbitraries.of(true, false), register).as(Expression.DestinationType::new),
            Combinators.combine(Arbitraries.integers().between(1, 100_000), register).as(Expression.RandomNumber::new),
            Combinators.combine(register, Arbitraries.integers().between(1, 16), Arbitraries.integers(), Arbitraries.integers().between(1, 100_000), register)
                .as(Expression.Hash::new),
            Combinators.combine(chain, Arbitraries.of(1, 2, 9), Arbitraries.of(Expression.NO_REGISTER, Expression.VERDICT_REGISTER, 1, 9)).as(Expression.Lookup::new),
            Combinators.combine(register, data).as(Expression.Mask::new),
            Combinators.combine(register, Arbitraries.of(true, false), data).as(Expression.Compare::new),
            Combinators.combine(register, data).as(Expression.Immediate::new),
            Combinators.combine(Arbitraries.of(Expression.Verdict.JUMP, Expression.Verdict.GOTO), chain).as(Expression.Decide::new),
            Arbitraries.of(Expression.Verdict.DROP, Expression.Verdict.ACCEPT, Expression.Verdict.RETURN).map(verdict -> new Expression.Decide(verdict, "")),
            Combinators.combine(Arbitraries.of(Family.values()), Arbitraries.of(true, false), register, Arbitraries.of(0, 1, 2)).as(Expression.Nat::new),
            Arbitraries.just(new Expression.Masquerade()), Arbitraries.just(new Expression.Untracked()));
    }
}
