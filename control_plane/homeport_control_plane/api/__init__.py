"""The GraphQL contract: types, who may do what, and resolvers that call one domain function each."""
