//! Which items both sides must agree on, and how each is written in the record.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ImplItem, Item, ItemConst, ItemEnum, ItemImpl, ItemStruct, ItemUnion, Type, Visibility};

pub(super) const VERSION: &str = "ABI_VERSION";

/// The lines of the record that an item gives: a type with a stated layout, public constants, and
/// what a macro of the crate makes types of.
pub(super) fn shared(item: &Item) -> Vec<String> {
    match item {
        Item::Const(item) => constant(item).into_iter().collect(),
        Item::Impl(item) => constants_of(item),
        Item::Macro(item) if item.ident.is_none() => {
            vec![without_docs(item.mac.to_token_stream()).to_string()]
        }
        other => layout(other).into_iter().collect(),
    }
}

fn constant(item: &ItemConst) -> Option<String> {
    let recorded = is_public(&item.vis) && item.ident != VERSION && is_plain(&item.ty);
    let (name, ty, value) = (&item.ident, &item.ty, &item.expr);
    recorded.then(|| format!("const {name}: {} = {}", text(ty), text(value)))
}

fn constants_of(item: &ItemImpl) -> Vec<String> {
    let owner = text(&item.self_ty);
    item.items
        .iter()
        .filter_map(|item| match item {
            ImplItem::Const(item) if is_public(&item.vis) && is_plain(&item.ty) => Some(item),
            _ => None,
        })
        .map(|item| {
            format!("const {owner} :: {}: {} = {}", item.ident, text(&item.ty), text(&item.expr))
        })
        .collect()
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Integers and strings.
fn is_plain(ty: &Type) -> bool {
    const PLAIN: [&str; 11] =
        ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "usize", "& str", "& 'static str"];
    PLAIN.contains(&text(ty).as_str())
}

fn text(piece: impl ToTokens) -> String {
    piece.into_token_stream().to_string()
}

/// A type with a stated layout, without comments, derives and visibility.
fn layout(item: &Item) -> Option<String> {
    let mut item = item.clone();
    let (Item::Struct(ItemStruct { attrs, .. })
    | Item::Enum(ItemEnum { attrs, .. })
    | Item::Union(ItemUnion { attrs, .. })) = &mut item
    else {
        return None;
    };
    let mut layout = std::mem::take(attrs);
    layout.retain(|attribute| attribute.path().is_ident("repr"));
    let layout = layout.first().map(|attribute| text(&attribute.meta))?;
    strip_members(&mut item);
    Some(format!("{layout} {}", text(&item)))
}

fn strip_members(item: &mut Item) {
    let strip = |fields: &mut dyn Iterator<Item = &mut syn::Field>| {
        for field in fields {
            field.attrs.clear();
            field.vis = Visibility::Inherited;
        }
    };
    match item {
        Item::Struct(item) => {
            item.vis = Visibility::Inherited;
            strip(&mut item.fields.iter_mut());
        }
        Item::Union(item) => {
            item.vis = Visibility::Inherited;
            strip(&mut item.fields.named.iter_mut());
        }
        Item::Enum(item) => {
            item.vis = Visibility::Inherited;
            for variant in &mut item.variants {
                variant.attrs.clear();
            }
        }
        _ => {}
    }
}

/// The tokens of a macro call without its comments, which are `#[doc = …]` to a macro.
fn without_docs(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) if is_doc(&group) => drop(kept.pop()),
            TokenTree::Group(group) => {
                let inner = without_docs(group.stream());
                kept.push(Group::new(group.delimiter(), inner).into());
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}

/// `[doc = …]`, which follows a `#`.
fn is_doc(group: &Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket
        && matches!(first, Some(TokenTree::Ident(word)) if word == "doc")
}
