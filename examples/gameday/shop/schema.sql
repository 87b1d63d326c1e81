CREATE TABLE products (
    id     serial PRIMARY KEY,
    name   text NOT NULL,
    origin text NOT NULL,
    price  numeric(8, 2) NOT NULL,
    colour text NOT NULL,
    note   text NOT NULL,
    words  text[] NOT NULL
);
CREATE TABLE orders (
    id       serial PRIMARY KEY,
    product  integer NOT NULL REFERENCES products,
    quantity integer NOT NULL,
    email    text NOT NULL,
    amount   numeric(10, 2) NOT NULL,
    state    text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);
INSERT INTO products (name, origin, price, colour, note, words) VALUES
    ('Earl Grey', 'Sri Lanka', 8.50, '#8c4a2f', 'Black tea with oil of bergamot', '{earl,grey,black,bergamot}'),
    ('Sencha', 'Uji, Japan', 11.90, '#6f8f4e', 'Steamed green tea, first flush', '{sencha,green,the,vert}'),
    ('Darjeeling', 'West Bengal, India', 14.20, '#c08a3e', 'Muscatel, second flush', '{darjeeling,black}'),
    ('Rooibos', 'Cederberg, South Africa', 6.40, '#a8452c', 'Without caffeine, honey and wood', '{rooibos,red}'),
    ('Pu-erh', 'Yunnan, China', 18.00, '#4b3326', 'Aged for ten years', '{pu-erh,dark}'),
    ('Chamomile', 'Hungary', 5.20, '#d9b54a', 'Whole blossoms', '{chamomile,herbal}'),
    ('Genmaicha', 'Shizuoka, Japan', 9.10, '#9a9a55', 'Green tea with roasted rice', '{genmaicha,green,rice}'),
    ('Café au lait rooibos', 'The house''s own', 7.80, '#b98560', 'Rooibos with roasted chicory', '{cafe,au,lait,rooibos}');
