package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Whether a service's references to secrets and configs are complete, at peace with each other, and to something that exists; in Docker's words. */
public final class FileReferenceCheck {
    private static final int MAX_FILES = 128;

    /** @throws SpecException INVALID */
    public static void check(TaskTemplate template, ClusterSnapshot snapshot) {
        JsonNode container = template.container();
        if (container.path("Secrets").size() + container.path("Configs").size() > MAX_FILES) {
            throw invalid("a service has at most " + MAX_FILES + " secrets and configs");
        }
        Map<String, String> holderOfPath = new TreeMap<>();
        check(container.path("Secrets"), Kind.SECRET, "Secret", holderOfPath, snapshot);
        check(container.path("Configs"), Kind.CONFIG, "Config", holderOfPath, snapshot);
    }

    private static void check(JsonNode references, Kind kind, String prefix, Map<String, String> holderOfPath, ClusterSnapshot snapshot) {
        String word = kind.name().toLowerCase(Locale.ROOT);
        List<String> missing = new ArrayList<>();
        for (JsonNode reference : references) {
            String uid = reference.path(prefix + "ID").asText("");
            String name = reference.path(prefix + "Name").asText("");
            if (uid.isEmpty() || name.isEmpty()) {
                throw invalid("malformed " + word + " reference");
            }
            checkFile(reference.path("File"), word, name);
            String path = FileReference.path(kind, reference.path("File").path("Name").asText());
            String holder = holderOfPath.putIfAbsent(path, name);
            if (holder != null) {
                throw invalid(word + " references '" + holder + "' and '" + name + "' have a conflicting target: '" + path + "'");
            }
            if (snapshot.document(kind, uid) == null) {
                missing.add(name);
            }
        }
        if (!missing.isEmpty()) {
            throw invalid((missing.size() == 1 ? word : word + "s") + " not found: " + String.join(", ", missing));
        }
    }

    private static void checkFile(JsonNode file, String word, String name) {
        String target = file.path("Name").asText("");
        String last = target.substring(target.lastIndexOf('/') + 1);
        if (last.isEmpty() || last.equals(".") || last.equals("..") || target.indexOf('\0') >= 0) {
            throw invalid("malformed file " + word + " reference, invalid target file name provided");
        }
        for (String owner : List.of("UID", "GID")) {
            if (!file.path(owner).asText("0").matches("[0-9]{1,9}|")) {
                throw invalid(word + " " + name + ": " + owner + " \"" + file.path(owner).asText() + "\" is not a number from 0 to 999999999");
            }
        }
        if (file.path("Mode").asLong(0) < 0 || file.path("Mode").asLong(0) > 07777) {
            throw invalid(word + " " + name + ": mode " + file.path("Mode").asText() + " is not made of permission bits");
        }
    }

    private static SpecException invalid(String message) {
        return SpecException.invalid("rpc error: code = InvalidArgument desc = " + message);
    }

    private FileReferenceCheck() {}
}
