package dev.starling.gossip.codec;

import dev.starling.gossip.BucketFingerprints;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredDigest;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberDigest;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.member.Suspected;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.message.Message.DesiredRange;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordDigest;
import dev.starling.gossip.record.RecordEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Valid messages of every type, at random. */
final class RandomMessages {
    static final List<Class<? extends Message>> TYPES = List.of(Message.Ping.class, Message.Ack.class, Message.PingRequest.class,
            Message.IndirectAck.class, Message.Nack.class, Message.Push.class, Message.Digest.class, Message.Want.class,
            Message.Delta.class, Message.Stored.class, Message.Summary.class, Message.Parcel.class);

    private final Random random;

    RandomMessages(Random random) {
        this.random = random;
    }

    static Stream<Class<? extends Message>> types() {
        return TYPES.stream();
    }

    static Message pushOf(Bytes value) {
        RecordDelta delta = new RecordDelta(new NodeId("n"), 1, 0, 2, List.of(new RecordEntry("k", 2, value)), Bytes.EMPTY);
        return new Message.Push(false, new Changes(List.of(), List.of(), List.of(), List.of(delta), List.of()));
    }

    Message message(Class<? extends Message> type) {
        if (type == Message.Ping.class) {
            return new Message.Ping(random.nextLong(), maybe(this::member), maybe(this::member),
                    maybe(() -> new Message.Question(node(), random.nextLong())));
        } else if (type == Message.Ack.class) {
            return new Message.Ack(random.nextLong(), maybe(this::member), maybe(this::member), random.nextLong(), maybe(this::bytes));
        } else if (type == Message.PingRequest.class) {
            return new Message.PingRequest(random.nextLong(), member(), random.nextLong());
        } else if (type == Message.IndirectAck.class) {
            return new Message.IndirectAck(random.nextLong(), bytes());
        } else if (type == Message.Nack.class) {
            return new Message.Nack(random.nextLong());
        } else if (type == Message.Push.class) {
            return new Message.Push(random.nextBoolean(), changes());
        } else if (type == Message.Digest.class) {
            return new Message.Digest(maybe(() -> some(() -> random.nextInt(256))), some(this::memberDigest), some(this::forgotten), some(this::recordDigest), random.nextLong(),
                    maybe(this::range));
        } else if (type == Message.Want.class) {
            return new Message.Want(some(this::node), some(this::recordDigest), some(this::text), maybe(this::range));
        } else if (type == Message.Delta.class) {
            return new Message.Delta(changes(), Message.Delta.Rest.values()[random.nextInt(3)]);
        } else if (type == Message.Stored.class) {
            return new Message.Stored(text(), number());
        }
        if (type == Message.Summary.class) {
            return new Message.Summary(Stream.generate(random::nextInt).limit(BucketFingerprints.COUNT).toList(), random.nextLong());
        }
        if (type == Message.Parcel.class) {
            return new Message.Parcel(bytes());
        }
        throw new IllegalArgumentException("no random " + type);
    }

    private Changes changes() {
        return new Changes(some(this::member), some(() -> new Suspected(member().with(MemberStatus.SUSPECT), node(), bytes())), some(this::forgotten),
                some(this::recordDelta), some(this::object));
    }

    private Member member() {
        return new Member(node(), new Endpoint("host" + text(), 1 + random.nextInt(65_535)), pick(Role.values()), number(), number(),
                pick(MemberStatus.values()), bytes(), bytes());
    }

    private MemberDigest memberDigest() {
        return new MemberDigest(node(), number(), number(), pick(MemberStatus.values()));
    }

    private Forgotten forgotten() {
        return new Forgotten(node(), number());
    }

    private RecordDigest recordDigest() {
        return new RecordDigest(node(), number(), number());
    }

    private RecordDelta recordDelta() {
        long base = number();
        long version = base;
        List<RecordEntry> entries = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            version += 1 + random.nextInt(3);
            entries.add(new RecordEntry(text(), version, maybe(this::bytes)));
        }
        return new RecordDelta(node(), number(), base, version + 1, entries, bytes());
    }

    private DesiredObject object() {
        return new DesiredObject(1 + random.nextInt(Kind.MAX_CODE), text(), new HybridTime(random.nextLong()), 1 + number(),
                new HybridTime(random.nextLong()), node(), random.nextBoolean(), bytes(), bytes(), bytes());
    }

    private DesiredRange range() {
        return new DesiredRange(text(), maybe(this::text),
                some(() -> new DesiredDigest(text(), random.nextBoolean(), number(), random.nextLong())));
    }

    private NodeId node() {
        return new NodeId("n" + text());
    }

    private String text() {
        return "é€a😀z".substring(0, random.nextInt(3)) + random.nextInt(1000);
    }

    private Bytes bytes() {
        byte[] content = new byte[random.nextInt(40)];
        random.nextBytes(content);
        return Bytes.wrap(content);
    }

    private long number() {
        return random.nextLong() >>> 2 + random.nextInt(61);
    }

    private <T> T pick(T[] values) {
        return values[random.nextInt(values.length)];
    }

    private <T> T maybe(Supplier<T> supplier) {
        return random.nextBoolean() ? supplier.get() : null;
    }

    private <T> List<T> some(Supplier<T> supplier) {
        return Stream.generate(supplier).limit(random.nextInt(4)).toList();
    }
}
