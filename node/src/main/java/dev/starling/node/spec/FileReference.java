package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A secret or config that a service's tasks find as a file, as {@code ContainerSpec.Secrets} and {@code .Configs} of the template say.
 *
 * @param kind      SECRET or CONFIG
 * @param objectUid which one
 * @param name      of the secret or config when the service was written: for people
 * @param path      in the container: absolute
 * @param uid       owner of the file, {@code gid} likewise
 * @param mode      permission bits
 */
public record FileReference(Kind kind, String objectUid, String name, String path, int uid, int gid, int mode) {
    private static final int PERMISSION_BITS = 0777;

    /** What a template refers to, secrets first. What does not parse, since a newer release wrote it, has its defaults. */
    public static List<FileReference> of(TaskTemplate template) {
        List<FileReference> result = new ArrayList<>();
        template.container().path("Secrets").forEach(entry -> result.add(read(Kind.SECRET, "Secret", entry)));
        template.container().path("Configs").forEach(entry -> result.add(read(Kind.CONFIG, "Config", entry)));
        return List.copyOf(result);
    }

    private static FileReference read(Kind kind, String prefix, JsonNode entry) {
        JsonNode file = entry.path("File");
        return new FileReference(kind, entry.path(prefix + "ID").asText(""), entry.path(prefix + "Name").asText(""),
                path(kind, file.path("Name").asText("")), owner(file.path("UID")), owner(file.path("GID")),
                JsonValues.count(file.path("Mode"), 0) & PERMISSION_BITS);
    }

    /** As Docker places them: a secret with a plain name in /run/secrets, a config in the root directory. */
    static String path(Kind kind, String name) {
        return Path.of(kind == Kind.SECRET ? "/run/secrets" : "/").resolve(name.replace('\0', '_')).normalize().toString();
    }

    private static int owner(JsonNode number) {
        try {
            return Math.max(0, Integer.parseInt(number.asText("0")));
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /**
     * The secrets that tasks of {@code node} use which run or are going to, and the services of such tasks that came with credentials for a registry
     * (by {@link PullCredentials#name}): what it may be told, and all that it needs to keep. A node claims its
     * tasks itself, so claims of services whose constraints it does not meet do not count.
     */
    public static SortedSet<String> secretsInUse(ClusterSnapshot snapshot, NodeId node) {
        SortedSet<String> uids = new TreeSet<>();
        for (Task task : snapshot.view().tasks().getOrDefault(node, List.of())) {
            Document service = task.isActive() ? snapshot.document(Kind.SERVICE, task.slot().serviceUid()) : null;
            if (service != null && mayRun(service, node, snapshot.view())) {
                if (PullCredentials.has(service)) {
                    uids.add(PullCredentials.name(service));
                }
                TaskTemplate.of(service, task).map(FileReference::of).orElse(List.of()).stream()
                        .filter(reference -> reference.kind() == Kind.SECRET).forEach(reference -> uids.add(reference.objectUid()));
            }
        }
        return uids;
    }

    private static boolean mayRun(Document service, NodeId node, View view) {
        ServiceSpec spec = view.services().get(service.uid());
        NodeView candidate = view.nodes().get(node);
        return spec != null && candidate != null && Demand.of(spec, view).mayStay(candidate);
    }

    /** Services whose present spec refers to the secret or config {@code uid}, oldest first. */
    public static List<Document> users(String uid, ClusterSnapshot snapshot) {
        return snapshot.documents().getOrDefault(Kind.SERVICE, List.of()).stream()
                .filter(service -> of(TaskTemplate.of(service.spec())).stream().anyMatch(reference -> reference.objectUid().equals(uid))).toList();
    }
}
