package dev.starling.gossip.codec;

import com.esotericsoftware.kryo.kryo5.Kryo;
import com.esotericsoftware.kryo.kryo5.KryoException;
import com.esotericsoftware.kryo.kryo5.Registration;
import com.esotericsoftware.kryo.kryo5.Serializer;
import com.esotericsoftware.kryo.kryo5.io.Input;
import com.esotericsoftware.kryo.kryo5.io.Output;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.message.Message;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * Messages to bytes and back: a version byte, then Kryo with registered classes only, fixed ids, no references and hand-written serializers,
 * so that no bytes can make it build anything but a {@link Message}. A message nests no deeper than these serializers do. The id is read
 * here and not by Kryo, whose reader of class ids also takes a class name, of any length that the bytes claim.
 *
 * <p>What may change: within a version, new types of message above the last one, which an older node ignores by number; never a layout that
 * is here. Any other change takes a new version, and nodes of different versions refuse each other by name.
 *
 * <p>Not safe for use by several threads at a time: Kryo has buffers. One codec per thread.
 */
public final class MessageCodec {
    public static final byte VERSION = 3;
    /** Above the size at which the machine cuts its messages, since it estimates. */
    private static final int SLACK_BYTES = 64 << 10;
    private static final int FIRST_ID = 16; // Kryo keeps the first ones for String and the like

    private final Kryo kryo = new Kryo();
    private final int maxBytes;
    private final Output buffer;
    private int lastId;

    /** {@code maxMessageBytes}: as in the {@link dev.starling.gossip.GossipConfig} of the cluster. */
    public MessageCodec(int maxMessageBytes) {
        maxBytes = maxMessageBytes + SLACK_BYTES;
        buffer = new Output(512, maxBytes);
        kryo.setRegistrationRequired(true);
        kryo.setReferences(false);
        kryo.setMaxDepth(2);
        // The ids are on the wire: never reuse or move one.
        register(FIRST_ID, Message.Ping.class, MessageCodec::writePing, MessageCodec::readPing);
        register(FIRST_ID + 1, Message.Ack.class, MessageCodec::writeAck, MessageCodec::readAck);
        register(FIRST_ID + 2, Message.PingRequest.class, (out, request) -> {
            WireOutput.number(out, request.sequence());
            WireOutput.member(out, request.target());
            out.writeLong(request.number());
        }, in -> new Message.PingRequest(WireInput.sequence(in), WireInput.member(in), in.readLong()));
        register(FIRST_ID + 3, Message.IndirectAck.class, (out, ack) -> {
            WireOutput.number(out, ack.sequence());
            WireOutput.bytes(out, ack.answer().array());
        }, in -> new Message.IndirectAck(WireInput.sequence(in), WireInput.signature(in)));
        register(FIRST_ID + 4, Message.Nack.class, (out, nack) -> WireOutput.number(out, nack.sequence()),
                in -> new Message.Nack(WireInput.sequence(in)));
        register(FIRST_ID + 5, Message.Push.class, (out, push) -> {
            out.writeBoolean(push.forward());
            WireOutput.changes(out, push.changes());
        }, in -> new Message.Push(WireInput.flag(in), WireInput.changes(in)));
        register(FIRST_ID + 6, Message.Digest.class, MessageCodec::writeDigest, MessageCodec::readDigest);
        register(FIRST_ID + 7, Message.Want.class, MessageCodec::writeWant, MessageCodec::readWant);
        register(FIRST_ID + 8, Message.Delta.class, (out, delta) -> {
            WireOutput.changes(out, delta.changes());
            out.writeByte(delta.rest().ordinal());
        }, in -> new Message.Delta(WireInput.changes(in), WireInput.rest(in)));
        register(FIRST_ID + 9, Message.Stored.class, (out, stored) -> {
            WireOutput.text(out, stored.uid());
            WireOutput.number(out, stored.generation());
        }, in -> new Message.Stored(WireInput.uid(in), WireInput.number(in)));
        register(FIRST_ID + 10, Message.Summary.class, (out, summary) -> {
            WireOutput.list(out, summary.buckets(), Output::writeInt);
            out.writeLong(summary.desiredFingerprint());
        }, in -> new Message.Summary(WireInput.list(in, 4, Input::readInt), in.readLong()));
        register(FIRST_ID + 11, Message.Parcel.class, (out, parcel) -> WireOutput.bytes(out, parcel.content().array()),
                in -> new Message.Parcel(Bytes.wrap(WireInput.bytes(in, maxBytes))));
    }

    /** @throws IllegalArgumentException where the message is larger than a peer would take */
    public byte[] encode(Message message) {
        buffer.reset();
        try {
            buffer.writeByte(VERSION);
            buffer.writeByte(kryo.getRegistration(message.getClass()).getId());
            kryo.writeObject(buffer, message);
        } catch (KryoException e) {
            throw new IllegalArgumentException(
                    message.getClass().getSimpleName() + " does not fit into " + maxBytes + " bytes: " + e.getMessage(), e);
        }
        return buffer.toBytes();
    }

    /** @throws MessageFormatException where the bytes are not exactly one message */
    public Message decode(byte[] bytes) {
        if (bytes.length < 2 || bytes.length > maxBytes) {
            throw MessageFormatException.because(bytes.length + " bytes; a message has 2 to " + maxBytes);
        }
        if (bytes[0] != VERSION) {
            throw MessageFormatException.otherVersion(bytes[0], VERSION);
        }
        Input in = new Input(bytes, 1, bytes.length - 1);
        Message message;
        try {
            int id = in.readByte();
            if (id > lastId) {
                throw MessageFormatException.unfamiliarType(id);
            }
            Registration registration = kryo.getRegistration(id);
            Class<?> type = registration == null ? Void.class : registration.getType();
            message = Message.class.isAssignableFrom(type) ? kryo.readObject(in, type.asSubclass(Message.class)) : null;
        } catch (MessageFormatException e) {
            throw e;
        } catch (RuntimeException e) { // Kryo's underflow, a record's refusal of a field, an unknown class id
            throw e.getCause() instanceof MessageFormatException cause ? cause : MessageFormatException.causedBy(e);
        }
        if (message == null) {
            throw MessageFormatException.because("not a message");
        }
        if (WireInput.left(in) != 0) {
            throw MessageFormatException.because(WireInput.left(in) + " bytes after the message");
        }
        return message;
    }

    private <T extends Message> void register(int id, Class<T> type, BiConsumer<Output, T> writer, Function<Input, T> reader) {
        lastId = Math.max(lastId, id);
        kryo.register(type, new Serializer<T>(false, true) {
            @Override
            public void write(Kryo unused, Output output, T message) {
                writer.accept(output, message);
            }

            @Override
            public T read(Kryo unused, Input input, Class<? extends T> expected) {
                return reader.apply(input);
            }
        }, id);
    }

    /** One byte says which of the optional fields follow: probes never stop, and most have none. */
    private static void writePing(Output out, Message.Ping ping) {
        WireOutput.number(out, ping.sequence());
        out.writeByte(flags(ping.sender(), ping.believed(), ping.question()));
        WireOutput.present(out, ping.sender(), WireOutput::member);
        WireOutput.present(out, ping.believed(), WireOutput::member);
        WireOutput.present(out, ping.question(), (to, question) -> {
            WireOutput.node(to, question.asker());
            to.writeLong(question.number());
        });
    }

    private static Message.Ping readPing(Input in) {
        long sequence = WireInput.sequence(in);
        int flags = WireInput.flags(in, 3);
        return new Message.Ping(sequence, WireInput.present(in, flags, 0, WireInput::member), WireInput.present(in, flags, 1, WireInput::member),
                WireInput.present(in, flags, 2, from -> new Message.Question(WireInput.node(from), from.readLong())));
    }

    private static void writeAck(Output out, Message.Ack ack) {
        WireOutput.number(out, ack.sequence());
        out.writeByte(flags(ack.sender(), ack.believed(), ack.answer()));
        out.writeLong(ack.viewFingerprint());
        WireOutput.present(out, ack.sender(), WireOutput::member);
        WireOutput.present(out, ack.believed(), WireOutput::member);
        WireOutput.present(out, ack.answer(), (to, answer) -> WireOutput.bytes(to, answer.array()));
    }

    private static Message.Ack readAck(Input in) {
        long sequence = WireInput.sequence(in);
        int flags = WireInput.flags(in, 3);
        long viewFingerprint = in.readLong();
        return new Message.Ack(sequence, WireInput.present(in, flags, 0, WireInput::member), WireInput.present(in, flags, 1, WireInput::member),
                viewFingerprint, WireInput.present(in, flags, 2, WireInput::signature));
    }

    private static int flags(Object... fields) {
        int flags = 0;
        for (int i = 0; i < fields.length; i++) {
            flags |= fields[i] == null ? 0 : 1 << i;
        }
        return flags;
    }

    private static void writeDigest(Output out, Message.Digest digest) {
        WireOutput.optional(out, digest.buckets(), (to, buckets) -> WireOutput.list(to, buckets, Output::writeByte));
        WireOutput.list(out, digest.members(), WireOutput::memberDigest);
        WireOutput.list(out, digest.forgotten(), WireOutput::forgotten);
        WireOutput.list(out, digest.records(), WireOutput::recordDigest);
        out.writeLong(digest.desiredFingerprint());
        WireOutput.optional(out, digest.desired(), WireOutput::desiredRange);
    }

    private static Message.Digest readDigest(Input in) {
        return new Message.Digest(WireInput.optional(in, from -> WireInput.list(from, 1, Input::readByteUnsigned)), WireInput.list(in, 4, WireInput::memberDigest), WireInput.list(in, 3, WireInput::forgotten),
                WireInput.list(in, 4, WireInput::recordDigest), in.readLong(), WireInput.optional(in, WireInput::desiredRange));
    }

    private static void writeWant(Output out, Message.Want want) {
        WireOutput.list(out, want.members(), WireOutput::node);
        WireOutput.list(out, want.records(), WireOutput::recordDigest);
        WireOutput.list(out, want.desired(), WireOutput::text);
        WireOutput.optional(out, want.compare(), WireOutput::desiredRange);
    }

    private static Message.Want readWant(Input in) {
        return new Message.Want(WireInput.list(in, 2, WireInput::node), WireInput.list(in, 4, WireInput::recordDigest),
                WireInput.list(in, 1, WireInput::uid), WireInput.optional(in, WireInput::desiredRange));
    }
}
