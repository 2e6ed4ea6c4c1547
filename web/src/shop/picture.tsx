/** The catalogue has no photographs: a drawing of the kind of thing, on colours of its own. */
const drawings: readonly (readonly [pattern: RegExp, path: string])[] = [
  [/\b(PENS?|PENCILS?|CRAYONS?|RULER|CHALK)\b/, "M12 52l4-14L42 12l10 10l-26 26zM16 38l10 10M36 18l10 10"],
  [
    /BALLOON|BUNTING|PARTY/,
    "M32 8c10 0 16 7 16 16S40 44 32 44S16 33 16 24S22 8 32 8zM29 44l-2 5h10l-2-5M32 49c-6 4 6 6 0 10",
  ],
  [/CUTLERY|SPOON|FORK|KNIFE|WHISK/, "M20 8v16a5 5 0 0 0 10 0V8M25 8v48M44 8c-6 4-8 14-6 24h6zM44 32v24"],
  [/NECKLACE|BRACELET|EARRING|BEAD|RING\b|CHARM/, "M14 10c0 22 8 32 18 32s18-10 18-32M32 42l-6 7l6 9l6-9zM26 49h12"],
  [
    /UMBRELLA|PARASOL/,
    "M8 34c0-14 10-24 24-24s24 10 24 24c-5-5-11-5-16 0c-5-5-11-5-16 0c-5-5-11-5-16 0zM32 10V6M32 34v18a5 5 0 0 0 10 0",
  ],
  [
    /SEWING|KNIT|RIBBON|REEL|FELTCRAFT/,
    "M18 10h28v8H18zM18 46h28v8H18zM22 18v28M42 18v28M22 24h20M22 31h20M22 38h20M42 38c8 0 10 6 14 12",
  ],
  [/LANTERN/, "M24 8h16M32 4v4M22 16h20l4 34H18zM22 16l4-8h12l4 8M32 24v16M26 40h12"],
  [/HEART|LOVE/, "M32 52C14 40 10 30 14 22s13-9 18 0c5-9 14-8 18 0s0 18-18 30z"],
  [
    /MUG|CUP|TEA\b|COFFEE/,
    "M14 18h28v24a8 8 0 0 1-8 8H22a8 8 0 0 1-8-8zM42 24h6a5 5 0 0 1 0 14h-6M22 6v6M28 6v6M34 6v6",
  ],
  [/CLOCK|ALARM/, "M32 12a20 20 0 1 0 0 40a20 20 0 0 0 0-40M32 20v12l8 6M16 10l-6 6M48 10l6 6"],
  [/BAG\b|SHOPPER|TOTE/, "M14 22h36l4 32H10zM22 28v-8a10 10 0 0 1 20 0v8"],
  [/CANDLE|T-LIGHT|LIGHT/, "M24 28h16v28H24zM32 28v-6M32 22c-6-4-3-9 0-14c3 5 6 10 0 14zM18 56h28"],
  [
    /CAKE|BAKING|COOKIE|JELLY/,
    "M10 40h44v14H10zM14 28h36v12H14zM10 46c6 5 9-3 15 0s8 3 14 0s9 4 15 0M32 28v-8M32 14v2",
  ],
  [/BOTTLE|WATER/, "M26 6h12v10l5 8v32H21V24l5-8zM21 34h22M26 6h12"],
  [/CHRISTMAS|TREE/, "M32 6l14 18h-7l11 14h-8l10 12H12l10-12h-8l11-14h-7zM32 50v8"],
  [/STAR|FAIRY/, "M32 8l7 16l17 2l-13 11l4 17l-15-9l-15 9l4-17L8 26l17-2z"],
  [/BIRD|OWL|DOVE/, "M10 36c10 2 10-18 26-18c8 0 12 5 12 12l8 4l-9 3c-2 12-16 17-28 11M40 26v.2M24 34c6 4 10 4 16 0"],
  [
    /FLOWER|ROSE|GARDEN|POSY|DAISY/,
    "M32 34c-10 0-12-10-10-20c4 3 7 3 10-3c3 6 6 6 10 3c2 10 0 20-10 20zM32 34v24M32 52c-7 0-11-4-12-10c7 0 11 4 12 10c1-6 5-10 12-10c-1 6-5 10-12 10",
  ],
  [/BOX|DRAWER|CABINET|CASES|TIN\b/, "M8 24l24-12l24 12v22L32 58L8 46zM8 24l24 12l24-12M32 36v22M20 18l24 12"],
  [/CARD|PAPER|NOTEBOOK|TISSUE|WRAP/, "M14 8h26l10 10v38H14zM40 8v10h10M22 28h20M22 36h20M22 44h12"],
  [/FRAME|PICTURE|MIRROR|SIGN/, "M10 10h44v44H10zM18 18h28v28H18zM18 42l9-10l7 7l5-5l7 8"],
  [/PLATE|BOWL|DISH|JAR|JAM/, "M10 26h44c0 16-8 24-22 24S10 42 10 26zM24 54h16M8 26h48"],
  [
    /DOLL|CHILD|TOY|SPACEBOY|GIRL/,
    "M32 8a10 10 0 1 0 0 20a10 10 0 0 0 0-20M16 56c0-18 6-26 16-26s16 8 16 26zM28 18v.2M36 18v.2",
  ],
  [/HANGER|COAT|KNOB|HOOK/, "M32 22v-4a5 5 0 1 1 5-5M32 22l24 18H8z"],
  [
    /CUSHION|DOORMAT|RUG|CLOTH|APRON/,
    "M12 12c14 5 26 5 40 0c-5 14-5 26 0 40c-14-5-26-5-40 0c5-14 5-26 0-40M26 32h12M32 26v12",
  ],
];
const plain = "M12 26h40v28H12zM8 16h48v10H8zM32 16v38M32 16c-14 0-14-12-6-10c4 1 6 6 6 10c0-4 2-9 6-10c8-2 8 10-6 10z";

const tints = 8;

/** The same product has the same colours everywhere. */
const tintOf = (sku: string): number =>
  [...sku].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 9973, 7) % tints;

export function Picture({ sku, name }: { sku: string; name: string }) {
  const path = drawings.find(([pattern]) => pattern.test(name.toUpperCase()))?.[1] ?? plain;
  return (
    <div class={`picture tint-${tintOf(sku)}`}>
      <svg viewBox="0 0 64 64" aria-hidden="true" focusable="false">
        <path d={path} />
      </svg>
    </div>
  );
}
