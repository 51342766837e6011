package dev.starling.gossip.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.NodeSigner;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What the checks cost a node that joins 100 others with 200 tasks each, real keys; and then one change of each. */
class SignedRecordsTest {
    private static final int NODES = 100;
    private static final int TASKS = 200;
    private static final Bytes TASK = Bytes.wrap(new byte[400]);

    @Test
    void twentyThousandTasksAreCheckedInFarLessThanAJoinMayTake() {
        Map<NodeId, Bytes> keys = new TreeMap<>();
        List<RecordTable> owners = new ArrayList<>();
        List<RecordDelta> deltas = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
            NodeKey key = NodeKey.generate();
            NodeSigner signer = new NodeSigner(key);
            keys.put(key.nodeId(), signer.publicKey());
            RecordTable owner = new RecordTable(key.nodeId(), 1, signer, keys::get);
            for (int task = 0; task < TASKS; task++) {
                owner.put("task/%025d".formatted(task), TASK);
            }
            owners.add(owner);
            deltas.add(owner.since(new RecordDigest(key.nodeId(), 0, 0), Integer.MAX_VALUE));
        }
        NodeKey own = NodeKey.generate();
        RecordTable joining = new RecordTable(own.nodeId(), 1, new NodeSigner(own), keys::get);
        NodeId relay = own.nodeId();
        long begun = System.nanoTime();
        deltas.forEach(delta -> assertTrue(joining.apply(delta, relay).isNews()));
        long joinMillis = (System.nanoTime() - begun) / 1_000_000;

        List<RecordDelta> changes = new ArrayList<>();
        owners.forEach(owner -> {
            owner.put("task/" + "0".repeat(25), Bytes.utf8("changed"));
            NodeId node = owner.nodes().first();
            changes.add(owner.since(joining.digest(node), Integer.MAX_VALUE));
        });
        begun = System.nanoTime();
        changes.forEach(change -> assertEquals(1, joining.apply(change, relay).keys().size()));
        long changeMicros = (System.nanoTime() - begun) / 1_000 / NODES;
        System.out.println(NODES + " records of " + TASKS + " tasks checked and taken in " + joinMillis + " ms; one change of one: " + changeMicros + " us");
        assertTrue(joinMillis < 15_000, joinMillis + " ms"); // a tenth of it where nobody else wants the processor
    }
}
