package dev.starling.netlink.nft;

import java.util.ArrayList;
import java.util.List;

/** One rule: conditions, then what happens to the packet that meets them. */
public record Rule(List<Expression> expressions) {
    /** Puts together what {@link Match} and {@link Action} give: {@code Rule.of(Match.source("10.0.0.0/24"), Action.masquerade())}. */
    @SafeVarargs
    public static Rule of(List<Expression>... parts) {
        List<Expression> all = new ArrayList<>();
        for (List<Expression> part : parts) {
            all.addAll(part);
        }
        return new Rule(List.copyOf(all));
    }
}
