package dev.starling.gossip.codec;

import com.esotericsoftware.kryo.kryo5.io.Input;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredDigest;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberDigest;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.member.Suspected;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message.Delta.Rest;
import dev.starling.gossip.message.Message.DesiredRange;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordDigest;
import dev.starling.gossip.record.RecordEntry;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Reads what {@link WireOutput} wrote, from a peer that may lie. Nothing is allocated on the word of a length: every length and count is
 * first held against the bytes that are really left, of which each element takes a known least number.
 */
final class WireInput {
    private static final int MAX_ID_BYTES = 64 * 3;
    private static final int MAX_HOST_BYTES = 255 * 3;
    private static final int MAX_KEY_BYTES = 128;
    private static final int MAX_SIGNATURE_BYTES = 128;
    private static final Role[] ROLES = Role.values();
    private static final Rest[] RESTS = Rest.values();
    private static final MemberStatus[] STATUSES = MemberStatus.values();

    private WireInput() {}

    static long number(Input in) {
        long value = in.readVarLong(true);
        if (value < 0) {
            throw MessageFormatException.because("a number is negative");
        }
        return value;
    }

    /** Any 64 bits, as a sequence number may be. */
    static long sequence(Input in) {
        return in.readVarLong(true);
    }

    static boolean flag(Input in) {
        byte value = in.readByte();
        if (value != 0 && value != 1) {
            throw MessageFormatException.because("a flag is neither 0 nor 1 but " + value);
        }
        return value == 1;
    }

    static String text(Input in, int maxBytes) {
        byte[] bytes = bytes(in, maxBytes);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw MessageFormatException.because("text is not UTF-8");
        }
    }

    static byte[] bytes(Input in, int maxBytes) {
        int length = in.readVarInt(true);
        if (length < 0 || length > maxBytes || length > left(in)) {
            throw MessageFormatException.because("a length of " + length + " where " + left(in) + " bytes are left, at most " + maxBytes);
        }
        return in.readBytes(length);
    }

    static <T> List<T> list(Input in, int leastElementBytes, Function<Input, T> element) {
        int count = in.readVarInt(true);
        if (count < 0 || count > left(in) / leastElementBytes) {
            throw MessageFormatException.because("a count of " + count + " where " + left(in) + " bytes are left");
        }
        List<T> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            values.add(element.apply(in));
        }
        return values;
    }

    static <T> T optional(Input in, Function<Input, T> content) {
        return flag(in) ? content.apply(in) : null;
    }

    /** Which of {@code fields} optional fields follow. */
    static int flags(Input in, int fields) {
        int flags = in.readByteUnsigned();
        if (flags >>> fields != 0) {
            throw MessageFormatException.because("flags of " + flags + " for " + fields + " fields");
        }
        return flags;
    }

    static <T> T present(Input in, int flags, int field, Function<Input, T> content) {
        return (flags & 1 << field) != 0 ? content.apply(in) : null;
    }

    static Bytes signature(Input in) {
        return Bytes.wrap(bytes(in, MAX_SIGNATURE_BYTES));
    }

    static int left(Input in) {
        return in.limit() - in.position();
    }

    static NodeId node(Input in) {
        return new NodeId(text(in, MAX_ID_BYTES));
    }

    static String uid(Input in) {
        return text(in, MAX_ID_BYTES);
    }

    static Member member(Input in) {
        return new Member(node(in), new Endpoint(text(in, MAX_HOST_BYTES), port(in)), constant(in, ROLES), number(in), number(in),
                constant(in, STATUSES), Bytes.wrap(bytes(in, MAX_KEY_BYTES)), signature(in));
    }

    private static int port(Input in) {
        long port = number(in);
        return port > 0xffff ? 0 : (int) port; // Endpoint refuses 0
    }

    static Rest rest(Input in) {
        return constant(in, RESTS);
    }

    private static <T> T constant(Input in, T[] constants) {
        byte ordinal = in.readByte();
        if (ordinal < 0 || ordinal >= constants.length) {
            throw MessageFormatException.because("no " + constants[0].getClass().getSimpleName() + " has number " + ordinal);
        }
        return constants[ordinal];
    }

    static MemberDigest memberDigest(Input in) {
        return new MemberDigest(node(in), number(in), number(in), constant(in, STATUSES));
    }

    static Suspected suspected(Input in) {
        return new Suspected(member(in), node(in), signature(in));
    }

    static Forgotten forgotten(Input in) {
        return new Forgotten(node(in), number(in));
    }

    static RecordDigest recordDigest(Input in) {
        return new RecordDigest(node(in), number(in), number(in));
    }

    static RecordDelta recordDelta(Input in) {
        return new RecordDelta(node(in), number(in), number(in), number(in), list(in, 3, WireInput::recordEntry), signature(in));
    }

    private static RecordEntry recordEntry(Input in) {
        return new RecordEntry(text(in, Gossip.MAX_KEY_BYTES), number(in), optional(in, WireInput::value));
    }

    private static Bytes value(Input in) {
        return Bytes.wrap(bytes(in, Integer.MAX_VALUE));
    }

    static DesiredDigest desiredDigest(Input in) {
        return new DesiredDigest(uid(in), flag(in), number(in), in.readLong());
    }

    static DesiredRange desiredRange(Input in) {
        return new DesiredRange(uid(in), optional(in, WireInput::uid), list(in, 11, WireInput::desiredDigest));
    }

    static DesiredObject desiredObject(Input in) {
        return new DesiredObject((int) in.readByte(), uid(in), time(in), number(in), time(in), node(in), flag(in), value(in),
                value(in), value(in));
    }

    private static HybridTime time(Input in) {
        return new HybridTime(in.readLong());
    }

    static Changes changes(Input in) {
        return new Changes(list(in, 11, WireInput::member), list(in, 14, WireInput::suspected), list(in, 3, WireInput::forgotten),
                list(in, 7, WireInput::recordDelta), list(in, 25, WireInput::desiredObject));
    }
}
