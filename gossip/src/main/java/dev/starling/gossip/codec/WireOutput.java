package dev.starling.gossip.codec;

import com.esotericsoftware.kryo.kryo5.io.Output;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.DesiredDigest;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberDigest;
import dev.starling.gossip.member.Suspected;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message.DesiredRange;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordDigest;
import dev.starling.gossip.record.RecordEntry;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.BiConsumer;

/** How each value is laid out, field by field. {@link WireInput} is its mirror: change both, and the version in {@link MessageCodec}. */
final class WireOutput {
    private WireOutput() {}

    static void number(Output out, long value) {
        out.writeVarLong(value, true);
    }

    static void text(Output out, String text) {
        bytes(out, text.getBytes(StandardCharsets.UTF_8));
    }

    static void bytes(Output out, byte[] bytes) {
        out.writeVarInt(bytes.length, true);
        out.writeBytes(bytes);
    }

    static <T> void list(Output out, List<T> values, BiConsumer<Output, T> element) {
        out.writeVarInt(values.size(), true);
        values.forEach(value -> element.accept(out, value));
    }

    static <T> void optional(Output out, T value, BiConsumer<Output, T> content) {
        out.writeBoolean(value != null);
        if (value != null) {
            content.accept(out, value);
        }
    }

    static <T> void present(Output out, T value, BiConsumer<Output, T> content) {
        if (value != null) {
            content.accept(out, value);
        }
    }

    static void node(Output out, NodeId id) {
        text(out, id.value());
    }

    static void member(Output out, Member member) {
        node(out, member.id());
        endpoint(out, member.endpoint());
        out.writeByte(member.role().ordinal());
        number(out, member.boot());
        number(out, member.incarnation());
        out.writeByte(member.status().ordinal());
        value(out, member.key());
        value(out, member.signature());
    }

    private static void endpoint(Output out, Endpoint endpoint) {
        text(out, endpoint.host());
        number(out, endpoint.port());
    }

    static void memberDigest(Output out, MemberDigest digest) {
        node(out, digest.id());
        number(out, digest.boot());
        number(out, digest.incarnation());
        out.writeByte(digest.status().ordinal());
    }

    static void suspected(Output out, Suspected suspicion) {
        member(out, suspicion.suspect());
        node(out, suspicion.accuser());
        value(out, suspicion.signature());
    }

    static void forgotten(Output out, Forgotten removal) {
        node(out, removal.id());
        number(out, removal.boot());
    }

    static void recordDigest(Output out, RecordDigest digest) {
        node(out, digest.node());
        number(out, digest.boot());
        number(out, digest.version());
    }

    static void recordDelta(Output out, RecordDelta delta) {
        node(out, delta.node());
        number(out, delta.boot());
        number(out, delta.base());
        number(out, delta.upTo());
        list(out, delta.entries(), WireOutput::recordEntry);
        value(out, delta.signature());
    }

    private static void recordEntry(Output out, RecordEntry entry) {
        text(out, entry.key());
        number(out, entry.version());
        optional(out, entry.value(), WireOutput::value);
    }

    private static void value(Output out, Bytes value) {
        bytes(out, value.array());
    }

    static void desiredDigest(Output out, DesiredDigest digest) {
        text(out, digest.uid());
        out.writeBoolean(digest.deleted());
        number(out, digest.generation());
        out.writeLong(digest.fingerprint());
    }

    static void desiredRange(Output out, DesiredRange range) {
        text(out, range.first());
        optional(out, range.last(), WireOutput::text);
        list(out, range.objects(), WireOutput::desiredDigest);
    }

    static void desiredObject(Output out, DesiredObject object) {
        out.writeByte(object.kindCode());
        text(out, object.uid());
        out.writeLong(object.created().packed());
        number(out, object.generation());
        out.writeLong(object.time().packed());
        node(out, object.writer());
        out.writeBoolean(object.deleted());
        value(out, object.body());
        value(out, object.signature());
        value(out, object.certificate());
    }

    static void changes(Output out, Changes changes) {
        list(out, changes.members(), WireOutput::member);
        list(out, changes.suspected(), WireOutput::suspected);
        list(out, changes.forgotten(), WireOutput::forgotten);
        list(out, changes.records(), WireOutput::recordDelta);
        list(out, changes.desired(), WireOutput::desiredObject);
    }
}
