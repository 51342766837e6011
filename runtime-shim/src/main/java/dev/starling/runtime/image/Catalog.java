package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.RuntimeShimException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Which images there are and what they are called. Immutable: each change is a new catalog, which the store writes to disk and then goes by.
 *
 * <p>On disk it is one JSON file, {@code {"images":[{"id":..,"tags":[..],"digests":[..],"size":..}]}}; the rest of an image is in its config.
 *
 * @param images by id
 */
record Catalog(Map<String, Image> images) {
    static final Catalog EMPTY = new Catalog(new TreeMap<>());
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String ID_PREFIX = "sha256:";
    private static final int SHORTEST_PREFIX = 4;

    /** @param lines what Docker prints, without the deleted layers */
    record Removal(Catalog catalog, List<String> lines) {}

    /** Newest first, as {@code docker images} has them. */
    List<Image> list() {
        return images.values().stream().sorted(Comparator.comparing(Image::created).reversed().thenComparing(Image::id)).toList();
    }

    /**
     * What {@code docker save} is to write, an image once, whatever it was asked for by: with its tag, with all tags of the repository where only that
     * was named, or with none where it was asked for by id or digest.
     */
    List<ImageExport.Selection> selected(List<String> references) {
        Map<String, Set<String>> tags = new LinkedHashMap<>();
        for (String text : references) {
            List<Image> repository = ofRepository(text);
            if (!repository.isEmpty()) {
                repository.forEach(image -> image.tags().stream().filter(tag -> repository(tag).equals(repository(text)))
                        .forEach(tag -> tags.computeIfAbsent(image.id(), id -> new TreeSet<>()).add(tag)));
                continue;
            }
            Image image = find(text);
            if (image == null) {
                throw notFound(text);
            }
            Set<String> wanted = tags.computeIfAbsent(image.id(), id -> new TreeSet<>());
            if (findByName(text) != null && RegistryReference.parse(text).digest().isEmpty()) {
                wanted.add(RegistryReference.parse(text).familiar());
            }
        }
        List<ImageExport.Selection> selections = new ArrayList<>();
        tags.forEach((id, names) -> selections.add(new ImageExport.Selection(images.get(id), List.copyOf(names))));
        return selections;
    }

    /** Images with a tag of that repository; none where the text has a tag or digest itself, or is no name. */
    private List<Image> ofRepository(String text) {
        if (text.indexOf('@') >= 0 || text.indexOf(':', text.lastIndexOf('/') + 1) >= 0 || !isName(text)) {
            return List.of();
        }
        String repository = repository(text);
        return list().stream().filter(image -> image.tags().stream().anyMatch(tag -> repository(tag).equals(repository))).toList();
    }

    private static boolean isName(String text) {
        try {
            RegistryReference.parse(text);
            return true;
        } catch (RuntimeShimException noReference) {
            return false;
        }
    }

    Image find(String reference) {
        if (Digest.isDigest(reference)) {
            return images.get(reference);
        }
        Image named = findByName(reference);
        return named != null ? named : findByPrefix(reference);
    }

    private Image findByName(String text) {
        RegistryReference reference;
        try {
            reference = RegistryReference.parse(text);
        } catch (RuntimeShimException noReference) {
            return null;
        }
        // where a digest is given, the tag beside it is a remark
        Predicate<Image> matches = reference.digest().isEmpty()
                ? image -> image.tags().contains(reference.familiar())
                : image -> image.digests().contains(digestReference(reference));
        return images.values().stream().filter(matches).findFirst().orElse(null);
    }

    private static String digestReference(RegistryReference reference) {
        return reference.familiarName() + "@" + reference.digest();
    }

    private Image findByPrefix(String text) {
        String hex = text.startsWith(ID_PREFIX) ? text.substring(ID_PREFIX.length()) : text;
        if (hex.length() < SHORTEST_PREFIX || !hex.chars().allMatch(c -> c >= '0' && c <= '9' || c >= 'a' && c <= 'f')) {
            return null;
        }
        List<Image> matches = images.values().stream().filter(image -> image.id().startsWith(ID_PREFIX + hex)).toList();
        return matches.size() == 1 ? matches.get(0) : null;
    }

    /** Adds an image, or names to one that is there. A name that another image has moves. */
    Catalog with(ArchivedImage archived, long size) {
        String id = archived.config().id().toString();
        Image known = images.get(id);
        Set<String> tags = new TreeSet<>(known == null ? List.of() : known.tags());
        Set<String> digests = new TreeSet<>(known == null ? List.of() : known.digests());
        for (RegistryReference name : archived.names()) {
            if (!name.tag().isEmpty()) {
                tags.add(new RegistryReference(name.host(), name.repository(), name.tag(), "").familiar());
            }
            archived.digests().forEach(digest -> digests.add(name.familiarName() + "@" + digest));
        }
        Catalog result = this;
        for (String tag : tags) {
            result = result.withoutTag(tag);
        }
        return result.put(archived.config().image(List.copyOf(tags), List.copyOf(digests), size));
    }

    Catalog withTag(Image image, RegistryReference tag) {
        Set<String> tags = new TreeSet<>(image.tags());
        tags.add(tag.familiar());
        return withoutTag(tag.familiar()).put(named(image, tags, image.digests()));
    }

    private Catalog withoutTag(String tag) {
        Image holder = images.values().stream().filter(image -> image.tags().contains(tag)).findFirst().orElse(null);
        return holder == null ? this : put(named(holder, without(holder.tags(), tag), holder.digests()));
    }

    private Catalog put(Image image) {
        Map<String, Image> changed = new TreeMap<>(images);
        changed.put(image.id(), image);
        return new Catalog(changed);
    }

    Catalog without(Image image) {
        Map<String, Image> changed = new TreeMap<>(images);
        changed.remove(image.id());
        return new Catalog(changed);
    }

    /**
     * What {@code docker rmi} does: by name it takes that name, and the image with the last one; by id it takes all names. With force, an image
     * that a container uses loses its names and stays for as long, since its layers are mounted.
     */
    Removal remove(String reference, boolean force, Predicate<String> inUse) {
        Image image = find(reference);
        if (image == null) {
            throw notFound(reference);
        }
        String shortId = image.id().substring(ID_PREFIX.length(), ID_PREFIX.length() + 12);
        boolean byName = !Digest.isDigest(reference) && findByName(reference) != null;
        boolean used = inUse.test(image.id());
        Image named;
        if (byName) {
            RegistryReference name = RegistryReference.parse(reference);
            String removed = name.digest().isEmpty() ? name.familiar() : digestReference(name);
            named = withoutName(image, removed);
            if (named.tags().isEmpty() && used && !force) {
                throw RuntimeShimException.conflict("conflict: unable to remove repository reference \"" + reference
                        + "\" (must force) - a container is using its referenced image " + shortId);
            }
        } else {
            long repositories = image.tags().stream().map(Catalog::repository).distinct().count();
            if (repositories > 1 && !force) {
                throw RuntimeShimException.conflict(
                        "conflict: unable to delete " + shortId + " (must be forced) - image is referenced in multiple repositories");
            }
            if (used && !force) {
                throw RuntimeShimException.conflict(
                        "conflict: unable to delete " + shortId + " (must be forced) - image is being used by a container");
            }
            named = named(image, List.of(), List.of());
        }
        if (named.tags().isEmpty()) {
            named = named(named, List.of(), List.of());
        }
        List<String> lines = new ArrayList<>();
        Image kept = named;
        Stream.concat(image.tags().stream(), image.digests().stream())
                .filter(name -> !kept.tags().contains(name) && !kept.digests().contains(name))
                .forEach(name -> lines.add("Untagged: " + name));
        if (!named.tags().isEmpty() || used) {
            return new Removal(put(named), lines);
        }
        lines.add("Deleted: " + image.id());
        return new Removal(without(image), lines);
    }

    /** A repository's digests go with its last tag. */
    private static Image withoutName(Image image, String name) {
        List<String> tags = without(image.tags(), name);
        List<String> digests = without(image.digests(), name);
        if (tags.stream().noneMatch(tag -> repository(tag).equals(repository(name)))) {
            digests = digests.stream().filter(digest -> !repository(digest).equals(repository(name))).toList();
        }
        return named(image, tags, digests);
    }

    private static String repository(String familiar) {
        return RegistryReference.parse(familiar).familiarName();
    }

    private static List<String> without(List<String> names, String name) {
        return names.stream().filter(other -> !other.equals(name)).toList();
    }

    private static Image named(Image image, Iterable<String> tags, List<String> digests) {
        List<String> copy = new ArrayList<>();
        tags.forEach(copy::add);
        return new Image(
                image.id(), List.copyOf(copy), digests, image.created(), image.os(), image.architecture(), image.variant(), image.layers(),
                image.size(), image.config());
    }

    static RuntimeShimException notFound(String reference) {
        String shown = reference;
        try {
            shown = RegistryReference.parse(reference).familiar();
        } catch (RuntimeShimException noReference) {
            // an id, or nonsense: shown as it came
        }
        return RuntimeShimException.notFound("No such image: " + shown);
    }

    byte[] toJson() {
        ObjectNode document = JSON.createObjectNode();
        ArrayNode array = document.putArray("images");
        for (Image image : images.values()) {
            ObjectNode entry = array.addObject();
            entry.put("id", image.id());
            image.tags().forEach(entry.putArray("tags")::add);
            image.digests().forEach(entry.putArray("digests")::add);
            entry.put("size", image.size());
        }
        return document.toPrettyString().getBytes(StandardCharsets.UTF_8);
    }

    /** @param configs finds an image's config; null leaves the image out */
    static Catalog fromJson(byte[] json, Function<Digest, ConfigDocument> configs) {
        Catalog catalog = EMPTY;
        for (JsonNode entry : ImageArchive.json(json, "image store: catalog").path("images")) {
            ConfigDocument config = configs.apply(Digest.parse(entry.path("id").asText(""), "image store: catalog"));
            if (config != null) {
                catalog = catalog.put(config.image(texts(entry.path("tags")), texts(entry.path("digests")), entry.path("size").asLong()));
            }
        }
        return catalog;
    }

    private static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(element -> texts.add(element.asText()));
        return List.copyOf(texts);
    }
}
