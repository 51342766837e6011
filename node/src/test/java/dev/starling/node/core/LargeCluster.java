package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordDigest;
import dev.starling.gossip.record.RecordEntry;
import dev.starling.gossip.record.RecordTable;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.DesiredSigner;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.node.Sample;
import dev.starling.node.spec.TaskTemplate;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/**
 * The state of a cluster in which all runs as it should: services as the docker CLI writes them, and each slot's task in the record of a node, with
 * texts as long as a real node's. Equal for equal numbers.
 *
 * @param members the holder first
 */
public record LargeCluster(List<Member> members, List<RecordDelta> records, List<DesiredObject> objects) {
    private static final long CREATED = 1_767_225_600_000L;

    /** @param holder a manager: it has written all */
    public static LargeCluster of(NodeCredentials holder, Endpoint endpoint, NodeCredentials joiner, ClusterAuthority authority, int services, int nodes, int tasksPerService) {
        Random random = new Random(1);
        DesiredSigner signer = new DesiredSigner(holder);
        List<Member> members = new ArrayList<>();
        List<DesiredObject> objects = new ArrayList<>();
        List<NodeSigning> signers = new ArrayList<>();
        members.add(new Member(holder.nodeId(), endpoint, Role.MANAGER, 1, 0, MemberStatus.ALIVE).signedBy(holder.signer()));
        signers.add(holder.signer());
        for (int i = 1; i < nodes; i++) { // nobody is there: a joiner has the state long before it knows
            NodeCredentials other = authority.enrol(NodeKey.generate(), Role.WORKER);
            members.add(new Member(other.nodeId(), new Endpoint("127.0.0.1", 1), Role.WORKER, 1, 0, MemberStatus.ALIVE).signedBy(other.signer()));
            signers.add(other.signer());
        }
        List<NodeId> ids = new ArrayList<>(members.stream().map(Member::id).toList());
        ids.add(joiner.nodeId());
        for (NodeId id : ids) {
            objects.add(object(signer, holder, Kind.NODE, id.value(), Sample.nodeBody("active").toString()));
        }
        List<List<RecordEntry>> entries = new ArrayList<>();
        for (int i = 0; i < nodes; i++) {
            entries.add(new ArrayList<>(List.of(new RecordEntry(RecordKeys.NODE, 2,
                    RecordCodec.encode(Sample.report("edge-" + i, "192.168.10." + i))))));
        }
        for (int service = 0; service < services; service++) {
            String uid = DockerId.random(random);
            var body = serviceBody("shop-frontend-" + service, tasksPerService);
            String hash = TaskTemplate.of(body.path("Spec")).hash();
            objects.add(object(signer, holder, Kind.SERVICE, uid, body.toString()));
            for (int index = 1; index <= tasksPerService; index++) {
                List<RecordEntry> of = entries.get((service * tasksPerService + index) % nodes);
                NodeId node = members.get((service * tasksPerService + index) % nodes).id();
                String taskId = DockerId.random(random);
                Task task = new Task(taskId, new Slot(uid, index, null), node, 1, hash, "registry.example.net/shop/frontend:1.42.7",
                        TaskState.RUNNING, TaskState.RUNNING, HybridTime.of(CREATED, 0), 17, 0, 0, CREATED, CREATED + 900, "started", "", -1,
                        DockerId.random(random) + DockerId.random(random), 4711, new TreeMap<>());
                of.add(new RecordEntry(RecordKeys.task(taskId), of.size() + 2, RecordCodec.encode(task)));
            }
        }
        List<RecordDelta> records = new ArrayList<>();
        for (int i = 0; i < nodes; i++) {
            NodeId id = members.get(i).id();
            RecordTable record = new RecordTable(id, 1, signers.get(i), node -> Bytes.EMPTY);
            entries.get(i).forEach(entry -> record.put(entry.key(), entry.value()));
            records.add(record.since(new RecordDigest(id, 0, 0), Integer.MAX_VALUE));
        }
        return new LargeCluster(members, records, objects);
    }

    private static DesiredObject object(DesiredSigner signer, NodeCredentials writer, Kind kind, String uid, String body) {
        HybridTime time = HybridTime.of(CREATED, 0);
        return signer.sign(new DesiredObject(kind, uid, time, 1, time, writer.nodeId(), false, Bytes.utf8(body), Bytes.EMPTY, Bytes.EMPTY));
    }

    /** As {@code docker service create} with some options sends it: about 1.2 kB. */
    private static com.fasterxml.jackson.databind.node.ObjectNode serviceBody(String name, int replicas) {
        return Sample.json("""
                {"Spec": {"Name": "%s", "Labels": {"com.example.team": "shop", "com.example.stage": "production"},
                 "TaskTemplate": {"ContainerSpec": {"Image": "registry.example.net/shop/frontend:1.42.7",
                   "Labels": {"com.example.release": "2026-01-01"}, "Args": ["--listen", "0.0.0.0:8080", "--backend", "http://catalogue:8080"],
                   "Env": ["STAGE=production", "LOG_LEVEL=info", "FEATURES=basket,search,recommendations", "JAVA_TOOL_OPTIONS=-Xmx128m"],
                   "StopGracePeriod": 10000000000, "DNSConfig": {}, "Isolation": "default"},
                  "Resources": {"Limits": {"MemoryBytes": 268435456}, "Reservations": {"NanoCPUs": 1000000, "MemoryBytes": 1048576}},
                  "RestartPolicy": {"Condition": "any", "Delay": 5000000000, "MaxAttempts": 0},
                  "Placement": {"Constraints": ["node.labels.stage!=old"], "Platforms": [{"Architecture": "amd64", "OS": "linux"}]}, "ForceUpdate": 0,
                  "Runtime": "container"},
                 "Mode": {"Replicated": {"Replicas": %d}},
                 "UpdateConfig": {"Parallelism": 1, "FailureAction": "pause", "Monitor": 5000000000, "MaxFailureRatio": 0, "Order": "stop-first"},
                 "RollbackConfig": {"Parallelism": 1, "FailureAction": "pause", "Monitor": 5000000000, "MaxFailureRatio": 0, "Order": "stop-first"},
                 "EndpointSpec": {"Mode": "vip"}}}
                """.formatted(name, replicas));
    }
}
