package dev.starling.node.api;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerChange;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out what has happened by comparing how things are with how they were: objects of the swarm and its members, images of this node. What was undone
 * between two looks is not told. What happens to containers is told by the runtime, all of it.
 *
 * <p>An object's creation and update have the time at which they were written, so each node tells them alike, whenever it has heard of them.
 *
 * <p>One look at a time; the log is what is shared.
 */
final class EventWatch {
    private static final Logger LOG = LoggerFactory.getLogger(EventWatch.class);

    private record Seen(Kind kind, String name, long generation) {}

    private final EventLog log;
    private final ClusterControl control;
    private final ImageStore images;
    /** Null while this node is in no swarm, and before the first look: what is there then was not made just now. */
    private SortedMap<String, Seen> objects;
    private Map<Kind, List<Document>> lastDocuments;
    private SortedMap<NodeId, Boolean> up = new TreeMap<>();
    private SortedMap<String, Image> imagesSeen;

    EventWatch(EventLog log, ClusterControl control, ImageStore images) {
        this.log = log;
        this.control = control;
        this.images = images;
    }

    synchronized void look() {
        try {
            lookAtSwarm(control.snapshot());
            lookAtImages();
        } catch (RuntimeShimException e) {
            LOG.warn("events of this moment are not told: {}", e.toString());
        }
    }

    private void lookAtSwarm(ClusterSnapshot snapshot) {
        if (snapshot == null) {
            objects = null;
            lastDocuments = null;
            up.clear();
            return;
        }
        lookAtMembers(snapshot);
        if (snapshot.documents() == lastDocuments) {
            return;
        }
        lastDocuments = snapshot.documents();
        SortedMap<String, Seen> now = new TreeMap<>();
        snapshot.documents().forEach((kind, documents) -> documents.forEach(document -> {
            now.put(document.uid(), new Seen(kind, document.name(), document.object().generation()));
            Seen before = objects == null ? null : objects.get(document.uid());
            if (objects != null && (before == null || before.generation() != document.object().generation())) {
                tell(document.uid(), now.get(document.uid()), before == null ? "create" : "update",
                        Instant.ofEpochMilli(document.object().time().wallMillis()));
            }
        }));
        if (objects != null) {
            objects.forEach((uid, seen) -> {
                if (!now.containsKey(uid)) {
                    tell(uid, seen, "remove", Instant.now());
                }
            });
        }
        objects = now;
    }

    private void tell(String uid, Seen object, String action, Instant time) {
        String type = object.kind() == Kind.CLUSTER ? "swarm" : object.kind().name().toLowerCase(Locale.ROOT);
        log.add(type, action, uid, new TreeMap<>(Map.of("name", object.name())), "swarm", time);
    }

    /** As Docker tells them, as updates of the node; when, is what this node has seen. */
    private void lookAtMembers(ClusterSnapshot snapshot) {
        SortedMap<NodeId, Boolean> now = new TreeMap<>();
        snapshot.members().forEach((id, member) -> now.put(id, member.status().isUp()));
        now.forEach((id, isUp) -> {
            Boolean before = up.get(id);
            if (before != null && !before.equals(isUp)) {
                Document node = snapshot.document(Kind.NODE, id.toString());
                log.add("node", "update", id.toString(), new TreeMap<>(Map.of("name", node == null ? "" : node.name(), "state.new", state(isUp),
                        "state.old", state(before))), "swarm", Instant.now());
            }
        });
        up = now;
    }

    private static String state(boolean isUp) {
        return isUp ? "ready" : "down";
    }

    /** As the runtime tells it; from any thread. */
    void tell(ContainerChange change) {
        Container container = change.container();
        switch (change.kind()) {
            case STARTED -> {
                tell(container, "create", Map.of(), change.at());
                tell(container, "start", Map.of(), change.at());
            }
            case PAUSED -> tell(container, "pause", Map.of(), change.at());
            case UNPAUSED -> tell(container, "unpause", Map.of(), change.at());
            case HEALTH -> tell(container, "health_status: " + container.health().status().name().toLowerCase(Locale.ROOT), Map.of(), change.at());
            case ENDED -> {
                if (container.oomKilled()) {
                    tell(container, "oom", Map.of(), change.at());
                }
                tell(container, "die", container.exitCode().isPresent() ? Map.of("exitCode", Integer.toString(container.exitCode().getAsInt())) : Map.of(),
                        change.at());
            }
            case REMOVED -> tell(container, "destroy", Map.of(), change.at());
        }
    }

    private void tell(Container container, String action, Map<String, String> more, Instant time) {
        SortedMap<String, String> attributes = new TreeMap<>(container.spec().labels());
        attributes.put("image", container.spec().image());
        attributes.put("name", container.spec().name());
        attributes.putAll(more);
        log.add("container", action, container.id(), attributes, "local", time);
    }

    private void lookAtImages() {
        SortedMap<String, Image> now = new TreeMap<>();
        images.list().forEach(image -> now.put(image.id(), image));
        if (imagesSeen != null && !now.equals(imagesSeen)) {
            now.forEach((id, image) -> {
                Image before = imagesSeen.get(id);
                if (before == null) {
                    tell(name(image), image.digests().isEmpty() ? "load" : "pull");
                } else {
                    image.tags().stream().filter(tag -> !before.tags().contains(tag)).forEach(tag -> tell(tag, "tag"));
                    before.tags().stream().filter(tag -> !image.tags().contains(tag)).forEach(tag -> tell(tag, "untag"));
                }
            });
            imagesSeen.forEach((id, image) -> {
                if (!now.containsKey(id)) {
                    image.tags().forEach(tag -> tell(tag, "untag"));
                    tell(id, "delete");
                }
            });
        }
        imagesSeen = now;
    }

    private static String name(Image image) {
        return !image.tags().isEmpty() ? image.tags().get(0) : !image.digests().isEmpty() ? image.digests().get(0) : image.id();
    }

    private void tell(String image, String action) {
        log.add("image", action, image, new TreeMap<>(Map.of("name", image)), "local", Instant.now());
    }
}
