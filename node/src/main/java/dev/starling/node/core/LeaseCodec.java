package dev.starling.node.core;

import com.esotericsoftware.kryo.kryo5.io.Output;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.lease.LeaseMessage;
import dev.starling.scheduler.lease.Promise;
import dev.starling.scheduler.lease.Proposal;
import dev.starling.scheduler.lease.Stewards;
import dev.starling.scheduler.model.Slot;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/** Votes as bytes: messages between nodes, promises on disk, and the stewards in a record. Laid out like the rest of {@link RecordCodec}. */
final class LeaseCodec {
    /** A promise and the slot that it is about. */
    record Kept(Slot slot, Promise promise) {}

    /** Stewards and the slot that they vote on. */
    record Told(Slot slot, Stewards stewards) {}

    private static final int ASK = 1;
    private static final int GRANTED = 2;
    private static final int REFUSED = 3;
    private static final int PROPOSE = 4;
    private static final int ACCEPTED = 5;
    private static final int RELEASE = 6;

    static Bytes encode(List<LeaseMessage> messages) {
        return RecordLayout.write(out -> {
            out.writeVarInt(messages.size(), true);
            messages.forEach(message -> write(out, message));
        });
    }

    /** @throws MalformedRecordException where the bytes are no list of messages */
    static List<LeaseMessage> decodeMessages(Bytes bytes) {
        return RecordLayout.read(bytes, "parcel", in -> {
            int count = RecordLayout.count(in);
            List<LeaseMessage> messages = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                messages.add(readMessage(in));
            }
            return List.copyOf(messages);
        });
    }

    private static void write(Output out, LeaseMessage message) {
        if (message instanceof LeaseMessage.Ask ask) {
            head(out, ASK, ask.slot());
            out.writeVarLong(ask.round(), true);
            write(out, ask.stewards());
            out.writeVarLong(ask.term(), true);
            out.writeBoolean(ask.handover());
        } else if (message instanceof LeaseMessage.Granted granted) {
            head(out, GRANTED, granted.slot());
            out.writeVarLong(granted.round(), true);
            out.writeVarInt(granted.epoch(), true);
            out.writeVarLong(granted.term(), true);
            write(out, granted.accepted());
        } else if (message instanceof LeaseMessage.Refused refused) {
            head(out, REFUSED, refused.slot());
            out.writeVarLong(refused.round(), true);
            write(out, refused.stewards());
            out.writeVarLong(refused.term(), true);
        } else if (message instanceof LeaseMessage.Propose propose) {
            head(out, PROPOSE, propose.slot());
            out.writeVarInt(propose.epoch(), true);
            out.writeVarLong(propose.term(), true);
            write(out, propose.next());
        } else if (message instanceof LeaseMessage.Accepted accepted) {
            head(out, ACCEPTED, accepted.slot());
            out.writeVarInt(accepted.epoch(), true);
            out.writeVarLong(accepted.term(), true);
        } else if (message instanceof LeaseMessage.Release release) {
            head(out, RELEASE, release.slot());
            out.writeVarInt(release.epoch(), true);
            out.writeVarLong(release.term(), true);
        } else {
            throw new IllegalStateException("unknown message " + message);
        }
    }

    private static void head(Output out, int kind, Slot slot) {
        out.writeByte(kind);
        RecordLayout.writeSlot(out, slot);
    }

    private static LeaseMessage readMessage(BoundedInput in) {
        int kind = in.readByte();
        Slot slot = RecordLayout.readSlot(in);
        return switch (kind) {
            case ASK -> new LeaseMessage.Ask(slot, in.readVarLong(true), readStewards(in), in.readVarLong(true), in.readBoolean());
            case GRANTED -> new LeaseMessage.Granted(slot, in.readVarLong(true), in.readVarInt(true), in.readVarLong(true), readProposal(in));
            case REFUSED -> new LeaseMessage.Refused(slot, in.readVarLong(true), readStewards(in), in.readVarLong(true));
            case PROPOSE -> new LeaseMessage.Propose(slot, in.readVarInt(true), in.readVarLong(true), readStewards(in));
            case ACCEPTED -> new LeaseMessage.Accepted(slot, in.readVarInt(true), in.readVarLong(true));
            case RELEASE -> new LeaseMessage.Release(slot, in.readVarInt(true), in.readVarLong(true));
            default -> throw new MalformedRecordException("parcel: kind " + kind + " is unknown", null);
        };
    }

    static Bytes encode(Slot slot, Promise promise) {
        return RecordLayout.write(out -> {
            RecordLayout.writeSlot(out, slot);
            write(out, promise.stewards());
            out.writeVarLong(promise.term(), true);
            out.writeString(promise.holder() == null ? null : promise.holder().value());
            write(out, promise.accepted());
        });
    }

    static Kept decodePromise(Bytes bytes) {
        return RecordLayout.read(bytes, "promise", in -> {
            Slot slot = RecordLayout.readSlot(in);
            Stewards stewards = readStewards(in);
            long term = in.readVarLong(true);
            String holder = in.readString();
            return new Kept(slot, new Promise(stewards, term, holder == null ? null : new NodeId(holder), readProposal(in)));
        });
    }

    static Bytes encode(Slot slot, Stewards stewards) {
        return RecordLayout.write(out -> {
            RecordLayout.writeSlot(out, slot);
            write(out, stewards);
        });
    }

    static Told decodeStewards(Bytes bytes) {
        return RecordLayout.read(bytes, "stewards", in -> new Told(RecordLayout.readSlot(in), readStewards(in)));
    }

    private static void write(Output out, Proposal proposal) {
        out.writeBoolean(proposal != null);
        if (proposal != null) {
            out.writeVarLong(proposal.term(), true);
            write(out, proposal.next());
        }
    }

    private static Proposal readProposal(BoundedInput in) {
        return in.readBoolean() ? new Proposal(in.readVarLong(true), readStewards(in)) : null;
    }

    private static void write(Output out, Stewards stewards) {
        out.writeVarInt(stewards.epoch(), true);
        out.writeVarInt(stewards.nodes().size(), true);
        stewards.nodes().forEach(node -> out.writeString(node.value()));
    }

    /** More nodes than a slot may have stewards is what {@link Stewards} refuses. */
    private static Stewards readStewards(BoundedInput in) {
        int epoch = in.readVarInt(true);
        int count = RecordLayout.count(in);
        SortedSet<NodeId> nodes = new TreeSet<>();
        for (int i = 0; i < count; i++) {
            nodes.add(new NodeId(in.text()));
        }
        return new Stewards(epoch, nodes);
    }

    private LeaseCodec() {}
}
