package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import java.util.Base64;
import java.util.Locale;
import java.util.regex.Pattern;

/** The gate for the specs of secrets and configs: names, sizes and fields as Docker has them, refused in its words. */
public final class SecretSpecCheck {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9](?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?");
    private static final int MAX_NAME = 64;
    private static final int MAX_SECRET_BYTES = 500 << 10;
    private static final int MAX_CONFIG_BYTES = 1000 << 10;
    private static final SupportedFields FIELDS = new SupportedFields("""
            Name string
            Labels map
            Data string
            Templating.Name = golang
            """);

    /** A spec without its data, and the data; null where there was none. */
    public record Accepted(ObjectNode spec, byte[] data) {}

    /** @throws SpecException INVALID or NOT_SUPPORTED (drivers, templates in another language) */
    public static Accepted accept(JsonNode given) {
        FIELDS.check(given);
        ObjectNode spec = given.deepCopy();
        String name = spec.path("Name").asText("");
        if (name.isEmpty()) {
            throw invalid("name must be provided");
        }
        if (name.length() > MAX_NAME || !NAME.matcher(name).matches()) {
            throw invalid("invalid name, only " + MAX_NAME + " [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]");
        }
        JsonNode text = spec.remove("Data");
        if (!spec.path("Labels").isObject()) {
            spec.putObject("Labels");
        }
        return new Accepted(spec, text == null || text.isNull() ? null : decode(text.asText()));
    }

    /** As {@link #accept}, and there must be data of a size that Docker takes. */
    public static Accepted acceptNew(Kind kind, JsonNode given) {
        Accepted accepted = accept(given);
        int most = kind == Kind.SECRET ? MAX_SECRET_BYTES : MAX_CONFIG_BYTES;
        if (accepted.data() == null || accepted.data().length == 0 || accepted.data().length >= most) {
            throw invalid(kind.name().toLowerCase(Locale.ROOT) + " data must be larger than 0 and less than " + most + " bytes");
        }
        if (FileTemplate.isTemplate(accepted.spec())) {
            FileTemplate.check(accepted.data());
        }
        return accepted;
    }

    private static byte[] decode(String base64) {
        try {
            return Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw SpecException.invalid("Data: illegal base64 data"); // the cause may quote it
        }
    }

    private static SpecException invalid(String message) {
        return SpecException.invalid("rpc error: code = InvalidArgument desc = " + message);
    }

    private SecretSpecCheck() {}
}
