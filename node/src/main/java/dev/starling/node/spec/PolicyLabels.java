package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The service labels for what Docker's API has a field for, and the docker CLI no option:
 *
 * <pre>
 *   starling.seccomp    = default | unconfined | NAME of a docker config with a profile     ContainerSpec.Privileges.Seccomp
 *   starling.apparmor   = default | unconfined | NAME of a profile that the nodes have      ContainerSpec.Privileges.AppArmor (a name is ours alone)
 *   starling.swap       = 512m | 0 | unlimited, besides --limit-memory                      Resources.SwapBytes
 *   starling.swappiness = 0 to 100                                                          Resources.MemorySwappiness
 *   starling.devices    = PATH[:PATH IN CONTAINER[:rwm]], and more after commas             ContainerSpec.Devices (ours alone)
 *   starling.privileged = true | false                                                      ContainerSpec.Privileged (ours alone)
 * </pre>
 *
 * A label is turned into its field when the service is written, so that the field is all that tasks are made from: they are replaced when it changes, a config
 * that is removed later is not missed, and a node needs no more than the service to start one. A label that is there always wins over the field, since clients
 * send back what they have been shown.
 */
final class PolicyLabels {
    private static final String SECCOMP = "starling.seccomp";
    private static final String APPARMOR = "starling.apparmor";
    private static final String SWAP = "starling.swap";
    private static final String SWAPPINESS = "starling.swappiness";
    private static final String DEVICES = "starling.devices";
    private static final String PRIVILEGED = "starling.privileged";
    static final List<String> ALL = List.of(SECCOMP, APPARMOR, SWAP, SWAPPINESS, DEVICES, PRIVILEGED);

    private static final Pattern BYTES = Pattern.compile("([0-9]{1,12})([bkmg]?)");
    private static final Map<String, Integer> SHIFT = Map.of("", 0, "b", 0, "k", 10, "m", 20, "g", 30);

    private record Place(String label, List<String> parents, String field) {}

    private static final List<Place> PLACES = List.of(
            new Place(SECCOMP, List.of("TaskTemplate", "ContainerSpec", "Privileges"), "Seccomp"),
            new Place(APPARMOR, List.of("TaskTemplate", "ContainerSpec", "Privileges"), "AppArmor"),
            new Place(SWAP, List.of("TaskTemplate", "Resources"), "SwapBytes"),
            new Place(SWAPPINESS, List.of("TaskTemplate", "Resources"), "MemorySwappiness"),
            new Place(DEVICES, List.of("TaskTemplate", "ContainerSpec"), "Devices"),
            new Place(PRIVILEGED, List.of("TaskTemplate", "ContainerSpec"), "Privileged"));

    /**
     * Changes {@code spec}.
     *
     * @param uid of the service that is updated; empty for a new one
     * @throws SpecException INVALID with the label that is wrong
     */
    static void apply(ObjectNode spec, ClusterSnapshot snapshot, String uid) {
        for (Place place : PLACES) {
            JsonNode label = spec.path("Labels").path(place.label);
            if (label.isTextual()) {
                set(spec, place, value(place.label, label.textValue(), snapshot, spec));
            } else if (!uid.isEmpty()) {
                forget(spec, place, snapshot.document(Kind.SERVICE, uid));
            }
        }
    }

    /** The label was taken away, and the client has sent back what it had brought: that goes too. */
    private static void forget(ObjectNode spec, Place place, Document before) {
        if (before == null || !before.spec().path("Labels").has(place.label)) {
            return;
        }
        JsonNode had = at(before.spec(), place.parents).path(place.field);
        if (at(spec, place.parents) instanceof ObjectNode parent && parent.path(place.field).equals(had)) {
            parent.remove(place.field);
        }
    }

    private static JsonNode at(JsonNode spec, List<String> path) {
        JsonNode at = spec;
        for (String name : path) {
            at = at.path(name);
        }
        return at;
    }

    private static void set(ObjectNode spec, Place place, JsonNode value) {
        ObjectNode parent = spec;
        for (String name : place.parents) {
            parent = parent.path(name) instanceof ObjectNode there ? there : parent.putObject(name);
        }
        if (value.isNull()) {
            parent.remove(place.field);
        } else {
            parent.set(place.field, value);
        }
    }

    /** Null for the default. */
    private static JsonNode value(String label, String text, ClusterSnapshot snapshot, ObjectNode spec) {
        return switch (label) {
            case SECCOMP -> switch (text) {
                case "default" -> spec.nullNode();
                case "unconfined" -> spec.objectNode().put("Mode", "unconfined");
                default -> spec.objectNode().put("Mode", "custom").put("Profile", profile(text, snapshot));
            };
            case APPARMOR -> switch (text) {
                case "default" -> spec.nullNode();
                case "unconfined" -> spec.objectNode().put("Mode", "disabled");
                case "" -> throw invalid(label, "is empty: name a profile that the nodes have loaded, default or unconfined");
                default -> spec.objectNode().put("Profile", text);
            };
            case SWAP -> spec.numberNode(text.equals("unlimited") ? -1 : bytes(label, text));
            case SWAPPINESS -> {
                if (!text.matches("[0-9]{1,3}")) {
                    throw invalid(label, "must be a number from 0 to 100, got \"" + text + "\"");
                }
                yield spec.numberNode(Long.parseLong(text));
            }
            case DEVICES -> devices(text, spec);
            case PRIVILEGED -> switch (text) {
                case "true" -> spec.booleanNode(true);
                case "false" -> spec.nullNode();
                default -> throw invalid(label, "must be true or false, got \"" + text + "\"");
            };
            default -> throw new IllegalArgumentException(label);
        };
    }

    /** As it stands in the config: in base64, as the API's field. */
    private static String profile(String config, ClusterSnapshot snapshot) {
        return snapshot.documents().getOrDefault(Kind.CONFIG, List.of()).stream().filter(each -> each.name().equals(config)).findFirst()
                .map(each -> each.spec().path("Data").asText(""))
                .orElseThrow(() -> invalid(SECCOMP, "there is no config \"" + config + "\": docker config create " + (config.isEmpty() ? "NAME" : config)
                        + " PROFILE.json, or give default or unconfined"));
    }

    /** As {@code docker run --device} has it. */
    private static JsonNode devices(String text, ObjectNode spec) {
        ArrayNode devices = spec.arrayNode();
        for (String each : text.split(",")) {
            String[] parts = each.strip().split(":", -1);
            if (parts.length > 3 || !parts[0].startsWith("/")) {
                throw invalid(DEVICES, "\"" + each.strip() + "\" is not PATH[:PATH IN CONTAINER[:rwm]], such as /dev/ttyUSB0 or /dev/ttyUSB0:/dev/modem:rw");
            }
            // as Docker: what is not a path is the access
            boolean isAccess = parts.length == 2 && !parts[1].startsWith("/");
            devices.addObject().put("PathOnHost", parts[0]).put("PathInContainer", parts.length == 1 || isAccess ? parts[0] : parts[1])
                    .put("CgroupPermissions", isAccess ? parts[1] : parts.length == 3 ? parts[2] : "rwm");
        }
        return devices;
    }

    private static long bytes(String label, String text) {
        Matcher matcher = BYTES.matcher(text);
        if (!matcher.matches() || Long.parseLong(matcher.group(1)) > Long.MAX_VALUE >> SHIFT.get(matcher.group(2))) {
            throw invalid(label, "must be a size such as 512m (b, k, m, g), 0 or unlimited, got \"" + text + "\"");
        }
        return Long.parseLong(matcher.group(1)) << SHIFT.get(matcher.group(2));
    }

    private static SpecException invalid(String label, String problem) {
        return SpecException.invalid("rpc error: code = InvalidArgument desc = label " + label + ": " + problem);
    }

    private PolicyLabels() {}
}
