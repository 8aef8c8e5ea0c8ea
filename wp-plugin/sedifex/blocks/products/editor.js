/**
 * The block in the editor: the same rendering as on the page, and controls beside it. Its words and choices come from
 * Sedifex\Blocks, as window.sedifexEditor.
 */
(function (wp, given) {
    'use strict';

    const { createElement: element, Fragment } = wp.element;
    const { InspectorControls, useBlockProps } = wp.blockEditor;
    const { Disabled, FormTokenField, Notice, PanelBody, Placeholder, RangeControl, SelectControl, TextControl, ToggleControl } =
        wp.components;
    const ServerSideRender = wp.serverSideRender;
    const words = given.words;
    const next = { __next40pxDefaultSize: true, __nextHasNoMarginBottom: true };

    function listOf(text) {
        return text.split(',').map((each) => each.trim()).filter(Boolean);
    }

    function toggle(props, name, label) {
        return element(ToggleControl, {
            ...next,
            label,
            checked: props.attributes[name],
            onChange: (value) => props.setAttributes({ [name]: value }),
        });
    }

    function select(props, name, label, options, asNumber) {
        return element(SelectControl, {
            ...next,
            label,
            options,
            value: String(props.attributes[name]),
            onChange: (value) => props.setAttributes({ [name]: asNumber ? Number(value) : value }),
        });
    }

    function Which(props) {
        const { attributes, setAttributes } = props;
        const shop = given.shops.find((each) => each.value === attributes.store) || given.shops[0];
        return element(
            PanelBody,
            { title: words.which },
            given.shops.length > 1 && select(props, 'store', words.shop, [{ value: '', label: words.firstShop }, ...given.shops]),
            element(
                'div',
                { style: { marginBottom: '16px' } },
                element(FormTokenField, {
                    ...next,
                    label: words.categories,
                    value: listOf(attributes.category),
                    suggestions: shop.categories,
                    __experimentalExpandOnFocus: true,
                    onChange: (value) => setAttributes({ category: value.join(', ') }),
                })
            ),
            select(props, 'type', words.type, given.types),
            select(props, 'orderby', words.order, given.orders),
            element(RangeControl, {
                ...next,
                label: words.limit,
                value: attributes.limit,
                min: 1,
                max: 96,
                onChange: (value) => setAttributes({ limit: value || 24 }),
            }),
            toggle(props, 'inStock', words.inStock),
            element(TextControl, {
                ...next,
                label: words.ids,
                help: words.idsHelp,
                value: attributes.ids,
                onChange: (value) => setAttributes({ ids: value }),
            })
        );
    }

    function Look(props) {
        const { attributes, setAttributes } = props;
        return element(
            PanelBody,
            { title: words.look },
            element(RangeControl, {
                ...next,
                label: words.columns,
                help: words.columnsHelp,
                value: attributes.columns,
                min: 0,
                max: 6,
                onChange: (value) => setAttributes({ columns: value || 0 }),
            }),
            toggle(props, 'showPrice', words.showPrice),
            toggle(props, 'showStock', words.showStock),
            toggle(props, 'showWhatsapp', words.showWhatsapp),
            toggle(props, 'showCategory', words.showCategory),
            toggle(props, 'showDescription', words.showDescription),
            select(props, 'heading', words.heading, [2, 3, 4, 5, 6].map((level) => ({ value: String(level), label: 'H' + level })), true)
        );
    }

    function Edit(props) {
        const blockProps = useBlockProps();
        if (given.shops.length === 0) {
            return element(
                'div',
                blockProps,
                element(
                    Placeholder,
                    { icon: 'store', label: words.title, instructions: words.connectFirst },
                    element('a', { className: 'components-button is-primary', href: given.settings }, words.connect)
                )
            );
        }
        return element(
            Fragment,
            null,
            element(InspectorControls, null, element(Which, props), element(Look, props)),
            element(
                'div',
                blockProps,
                element(
                    Disabled,
                    null,
                    element(ServerSideRender, {
                        block: 'sedifex/products',
                        attributes: props.attributes,
                        skipBlockSupportAttributes: true,
                        ErrorResponsePlaceholder: () => element(Notice, { status: 'error', isDismissible: false }, words.noPreview),
                    })
                )
            )
        );
    }

    wp.blocks.registerBlockType('sedifex/products', { edit: Edit, save: () => null });
})(window.wp, window.sedifexEditor);
