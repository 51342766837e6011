package dev.starling.node.api;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Task;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** Finds what a client names: by id, by name (the oldest that has it), by the beginning of an id where only one begins so. */
final class Lookup {
    private final ClusterSnapshot snapshot;

    Lookup(ClusterSnapshot snapshot) {
        this.snapshot = snapshot;
    }

    Document document(Kind kind, String reference) {
        List<Document> all = snapshot.documents().getOrDefault(kind, List.of());
        return find(all, kind.name().toLowerCase(Locale.ROOT), reference, Document::uid, Document::name, false);
    }

    /** The node's own spec object; null while nobody wrote one. Its uid is the node's id. */
    Document nodeDocument(NodeId node) {
        return snapshot.document(Kind.NODE, node.value());
    }

    NodeView node(String reference) {
        return find(snapshot.view().nodes().values(), "node", reference, node -> node.id().value(), NodeView::hostname, true);
    }

    Task task(String reference) {
        List<Task> all = snapshot.view().tasks().values().stream().flatMap(List::stream).toList();
        return find(all, "task", reference, Task::id, task -> "", false);
    }

    private static <T> T find(
            Collection<T> all, String kind, String reference, Function<T, String> id, Function<T, String> name, boolean namesRepeat) {
        for (T candidate : all) {
            if (id.apply(candidate).equals(reference)) {
                return candidate;
            }
        }
        List<T> named = all.stream().filter(candidate -> name.apply(candidate).equals(reference)).toList();
        if (named.size() == 1 || !named.isEmpty() && !namesRepeat) {
            return named.get(0);
        }
        List<T> found = named.isEmpty() ? all.stream().filter(candidate -> id.apply(candidate).startsWith(reference)).toList() : named;
        return switch (found.size()) {
            case 0 -> throw ApiException.notFound(kind + " " + reference + " not found");
            case 1 -> found.get(0);
            default -> throw ApiException.badRequest(kind + " " + reference + " is ambiguous (" + found.size() + " matches found)");
        };
    }
}
